//! What is watched for changes, and how often.

use std::path::Path;

use super::*;

#[test]
fn files_are_looked_at_unless_that_is_off() {
    assert_eq!(good("").watch, Some(Duration::from_secs(5)));
    assert_eq!(good("[reload]\nwatch = \"off\"\n").watch, None);
    assert_eq!(good("[reload]\nwatch = \"100ms\"\n").watch, Some(Duration::from_millis(100)));
    for wrong in ["", "5", "never", "99ms", "25h"] {
        let text = format!("[reload]\nwatch = \"{wrong}\"\n");
        assert!(bad(&text).starts_with("FILE:2: reload.watch: wants a time from"), "{wrong}");
    }
}

#[test]
fn every_file_that_is_read_once_is_known() {
    let files = good(
        "[store]\nkind = \"s3\"\nendpoint = \"http://x\"\naccess_key = \"a\"\nsecret = \"file:/followed-anew\"\n\
         [tls]\nlisten = \"127.0.0.1:1\"\ncert = \"/cert\"\nkey = \"/cert-key\"\n\
         [keyring]\nprimary = \"a\"\n\
         [[keys]]\nid = \"a\"\nsecret = \"file:/aes\"\n\
         [[keys]]\nid = \"b\"\nkind = \"rsa\"\npublic = \"file:/public\"\n\
         [[keys]]\nid = \"c\"\nkind = \"openpgp\"\nsecret = \"file:/pgp\"\npassphrase = \"file:/words\"\n\
         [[keys]]\nid = \"d\"\nkind = \"rclone-crypt\"\nsecret = \"env:X\"\npassword2 = \"file:/second\"\n\
         [[keys]]\nid = \"e\"\nkind = \"vault-transit\"\nkey = \"k\"\nendpoint = \"https://v\"\ntoken = \"file:/followed-anew\"\nca = \"/ca\"\n\
         [[clients]]\naccess_key = \"x\"\nsecret = \"file:/client\"\n\
         [[clients]]\naccess_key = \"y\"\nsecret = \"command:pass client\"\n",
    )
    .files();
    let mut names: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
    names.sort();
    assert_eq!(names, ["/aes", "/ca", "/cert", "/cert-key", "/client", "/pgp", "/public", "/second", "/words"]);
}

#[test]
fn files_of_settings_are_known_before_they_exist() {
    let named = Overrides { config: Some("/named".into()), ..Overrides::default() };
    let system = Path::new("/etc/sealgate/sealgate.toml");
    assert_eq!(layers::files(&named, Some("/unused".into())), [system, Path::new("/named")]);
    assert_eq!(layers::files(&Overrides::default(), Some("/variable".into())), [system, Path::new("/variable")]);
    assert_eq!(layers::files(&Overrides::default(), Some(String::new())), [system]);
}
