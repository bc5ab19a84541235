//! Settings from end to end: layers, names, conflicts, places.

mod foreign;
mod reload;
mod writing;

use std::io::Write;

use super::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn load_text(text: &str, environment: &[(&str, &str)], overrides: Overrides) -> Result<Loaded, String> {
    let file = file(text);
    let overrides = Overrides { config: Some(file.path().to_owned()), ..overrides };
    let environment: Vec<_> = [("HOME", "/home/x")]
        .iter()
        .chain(environment)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let name = file.path().display().to_string();
    load_from(&overrides, &environment).map_err(|problems| problems.to_string().replace(&name, "FILE"))
}

fn good(text: &str) -> Settings {
    load_text(text, &[], Overrides::default()).map(|loaded| loaded.settings).unwrap()
}

fn bad(text: &str) -> String {
    match load_text(text, &[], Overrides::default()) {
        Ok(_) => panic!("accepted: {text}"),
        Err(problems) => problems,
    }
}

#[test]
fn the_defaults_are_for_this_machine_only_and_seal_everything() {
    let settings = good("");
    assert_eq!(settings.listen, [SocketAddr::from(([127, 0, 0, 1], 8333))]);
    assert!(settings.admin.unwrap().ip().is_loopback() && settings.admin_is_default);
    assert!(matches!(settings.store, StoreSettings::Directory(None)));
    assert_eq!(settings.data.0.unwrap(), PathBuf::from("/home/x/.local/share/sealgate"));
    assert!(settings.tls.is_none() && settings.keys.is_empty() && settings.clients.is_empty());
    let [rule] = settings.rules.as_slice() else { panic!("one rule") };
    assert!(
        rule.bucket == "*"
            && rule.format == WriteFormat::Sealed
            && rule.contents == Contents::Sealed
            && rule.binding == Binding::Object
    );
}

#[test]
fn pages_and_domains_are_named_exactly() {
    let settings =
        good("domains = \"s3.example.com\"\n[[cors]]\norigins = \"https://*.example.com\"\nmax_age = \"1h\"\n");
    assert_eq!(settings.domains, ["s3.example.com"]);
    let [rule] = settings.cors.as_slice() else { panic!("one rule") };
    assert_eq!(rule.methods, [http::Method::GET, http::Method::HEAD]);
    assert_eq!(rule.max_age, Some(Duration::from_hours(1)));
    assert!(bad("domains = [\"s3.example.com:80\"]\n").starts_with("FILE:1: domains: wants names of hosts"));
    assert!(bad("[[cors]]\norigins = [\"app.example.com\"]\n").starts_with("FILE:2: cors[0].origins: wants origins"));
    assert!(bad("[[cors]]\norigins = \"*\"\nmethods = \"TRACE\"\n").starts_with("FILE:3: cors[0].methods: "));
}

#[test]
fn each_layer_overrides_the_one_before() {
    let environment = [
        ("SEALGATE_REGION", "from-env"),
        ("SEALGATE_LISTEN", "[\"127.0.0.1:1\"]"),
        ("SEALGATE_LIMITS__CONNECTIONS", "7"),
    ];
    let flags = Overrides { listen: vec!["127.0.0.1:2".to_owned()], ..Overrides::default() };
    let settings =
        load_text("region = \"from-file\"\nlisten = \"127.0.0.1:3\"\n", &environment, flags).unwrap().settings;
    assert_eq!(settings.region, "from-env");
    assert_eq!(settings.limits.connections, 7);
    assert_eq!(settings.listen, [SocketAddr::from(([127, 0, 0, 1], 2))]);
}

#[test]
fn lists_come_from_the_environment_as_toml_or_json() {
    for clients in [
        r#"[{access_key = "a", secret = "env:S", buckets = ["x"]}]"#,
        r#"[{"access_key": "a", "secret": "env:S", "buckets": ["x"]}]"#,
    ] {
        let settings = load_text("", &[("SEALGATE_CLIENTS", clients)], Overrides::default()).unwrap().settings;
        assert_eq!(settings.clients[0].buckets, ["x"]);
    }
}

#[test]
fn an_ipv6_address_in_the_environment_is_not_a_list() {
    let settings = load_text("", &[("SEALGATE_LISTEN", "[2001:db8::1]:8333")], Overrides::default()).unwrap().settings;
    assert_eq!(settings.listen[0].to_string(), "[2001:db8::1]:8333");
}

#[test]
fn what_kubernetes_sets_and_what_references_name_are_not_settings() {
    let environment = [
        ("SEALGATE_SERVICE_HOST", "10.0.0.1"),
        ("SEALGATE_PORT", "tcp://10.0.0.1:80"),
        ("SEALGATE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("SEALGATE_BACKUP_SECRET", "hunter2"),
        ("SEALGATE_OTHER_SECRET", "hunter2"),
        ("SEALGATE_REGION", ""),
        ("SEALGATE_KEYS", r#"[{id = "1", secret = "env:SEALGATE_OTHER_SECRET"}]"#),
    ];
    let text = "[[clients]]\naccess_key = \"a\"\nsecret = \"env:SEALGATE_BACKUP_SECRET\"\n";
    let loaded = load_text(text, &environment, Overrides::default()).unwrap();
    assert!(!loaded.report.to_string().contains("hunter2"));
}

#[test]
fn an_unknown_name_is_named_with_its_place_and_the_nearest_one() {
    let problem = bad("[store]\nkind = \"s3\"\nendpiont = \"x\"\n");
    assert!(
        problem.starts_with("FILE:3: store.endpiont: there is no setting `endpiont`; did you mean `endpoint`?"),
        "{problem}"
    );
    assert!(bad("\nlisen = \"x\"\n").starts_with("FILE:2: lisen: there is no setting `lisen`; did you mean `listen`?"));
}

#[test]
fn unknown_names_inside_lists_are_found_too() {
    for (text, expected) in [
        (
            "[[clients]]\nacess_key = \"a\"\n",
            "FILE:2: clients[0].acess_key: there is no setting `acess_key`; did you mean `access_key`?",
        ),
        (
            "[[rules]]\nbucket = \"a\"\n[[rules]]\nbuket = \"b\"\n",
            "FILE:4: rules[1].buket: there is no setting `buket`; did you mean `bucket`?",
        ),
        (
            "[[keys]]\nid = \"a\"\nsecrets = \"b\"\n",
            "FILE:3: keys[0].secrets: there is no setting `secrets`; did you mean `secret`?",
        ),
    ] {
        let problem = bad(text);
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn an_unknown_variable_is_named() {
    let problem = load_text("", &[("SEALGATE_STORE__ENDPIONT", "x")], Overrides::default()).err().unwrap();
    assert!(problem.starts_with("SEALGATE_STORE__ENDPIONT: store.endpiont: there is no setting"), "{problem}");
}

#[test]
fn a_literal_secret_is_refused_and_never_repeated() {
    for text in [
        "[[clients]]\naccess_key = \"a\"\nsecret = \"hunter2\"\n",
        "[[keys]]\nid = \"a\"\nsecret = \"hunter2:hunter2\"\n",
        "[store]\nkind = \"s3\"\naccess_key = \"a\"\nsecret = \"hunter2\"\n",
        "[[clients]]\naccess_key = \"a\"\nsecret = [\"hunter2\"]\n",
        "[[clients]]\naccess_key = \"a\"\nsecret = { hunter2 = \"hunter2\" }\n",
        "[tls]\nlisten = \"127.0.0.1:1\"\ncert = \"c\"\nkey = \"hunter2\"\n",
        "[[clients]]\nsecret = \"hunter2\n",
        "[[clients]]\nsecret = hunter2\n",
    ] {
        let problem = bad(text);
        assert!(problem.starts_with("FILE") && !problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn a_missing_name_is_named() {
    assert!(
        bad("[[clients]]\naccess_key = \"a\"\n").contains("`secret` is missing"),
        "{}",
        bad("[[clients]]\naccess_key = \"a\"\n")
    );
}

#[test]
fn conflicts_name_the_setting() {
    for (text, expected) in [
        ("[[rules]]\nbucket = \"b\"\nformat = \"none\"\ncontents = \"sealed\"\n", "FILE:4: rules[0].contents: "),
        ("[[rules]]\nbucket = \"b\"\ncontents = \"plain\"\n", "FILE:3: rules[0].contents: "),
        ("[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\n", "FILE:3: rules[0].contents: "),
        ("[[rules]]\nbucket = \"b\"\nreads = [\"plaintext\"]\n", "FILE:1: rules[0].contents: "),
        ("[[rules]]\nbucket = \"b\"\n[[rules]]\nbucket = \"b\"\nprefix = \"\"\n", "FILE:4: rules[1].bucket: "),
        ("[[rules]]\nbucket = \"b\"\netag = \"sha1\"\n", "FILE:3: rules[0].etag: "),
        ("[[rules]]\nbucket = \"b\"\nformat = \"none\"\netag = \"md5\"\n", "FILE:4: rules[0].etag: means nothing"),
        (
            "[[rules]]\nbucket = \"b\"\nformat = \"seald\"\n",
            "FILE:3: rules[0].format: \"seald\" is not known here; did you mean \"sealed\"?",
        ),
        ("[[keys]]\nid = \"a\"\nsecret = \"env:A\"\n[keyring]\nprimary = \"b\"\n", "FILE:5: keyring.primary: "),
        ("[[keys]]\nid = \"a\"\nsecret = \"env:A\"\n[[keys]]\nid = \"b\"\nsecret = \"env:A\"\n", "keyring.primary: "),
        (
            "[[keys]]\nid = \"a\"\nsecret = \"env:A\"\n[[keys]]\nid = \"a\"\nsecret = \"env:A\"\n[keyring]\nprimary = \"a\"\n",
            "FILE:5: keys[1].id: ",
        ),
        ("[[keys]]\nid = \"a b\"\nsecret = \"env:A\"\n", "FILE:2: keys[0].id: "),
        (
            "[[keys]]\nid = \"a\"\nkind = \"pbkdf\"\nsecret = \"env:A\"\n",
            "FILE:3: keys[0].kind: \"pbkdf\" is not known here; did you mean \"pbkdf2\"?",
        ),
        ("listen = \"unix:/x\"\n", "FILE:1: listen: Unix sockets are not supported"),
        ("listen = \"8333\"\n", "FILE:1: listen: "),
        ("listen = []\n", "FILE:1: listen: "),
        ("admin = \"127.0.0.1:8333\"\n", "FILE:1: admin: 127.0.0.1:8333 is used twice"),
        ("[limits]\ndrain = \"30\"\n", "FILE:2: limits.drain: "),
        ("[limits]\nconnections = 0\n", "FILE:2: limits.connections: "),
        ("[log]\nfilter = \"loud!\"\nformat = \"xml\"\n", "FILE:3: log.format: "),
        ("[store]\nkind = \"directory\"\nendpoint = \"http://x\"\n", "FILE:3: store.endpoint: has no meaning"),
        ("[store]\nkind = \"s3\"\n", "keys: an S3 store needs wrapping keys"),
        ("[store]\nendpoint = \"http://user:hunter2@x\"\n", "FILE:2: store.endpoint: wants http://"),
        ("[tls]\nlisten = \"127.0.0.1:1\"\n", "FILE:1: tls: "),
    ] {
        let problem = bad(text);
        assert!(problem.lines().any(|line| line.starts_with(expected)), "{text}\n{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn each_kind_of_key_wants_its_own_settings() {
    let text = "[[keys]]\nid = \"main\"\nsecret = \"env:A\"\nmaterials = { wrap = \"main\" }\n\
                [[keys]]\nid = \"files\"\nkind = \"pbkdf2\"\nsecret = \"env:B\"\nsalt = \"salt\"\n\
                [[keys]]\nid = \"mail\"\nkind = \"openpgp\"\npassphrase = \"env:C\"\n\
                [[keys]]\nid = \"remote\"\nkind = \"rclone-crypt\"\nsecret = \"env:D\"\npassword2 = \"env:E\"\nobscured = true\n\
                ";
    let settings = good(text);
    assert_eq!(settings.primary.as_deref(), Some("main"), "the only one that seals");
    assert_eq!(settings.keys[0].materials["wrap"], "main");
    assert!(matches!(&settings.keys[1].kind, KeyKind::Pbkdf2 { salt, iterations: 100_000, .. } if salt == "salt"));
    assert!(matches!(settings.keys[2].kind, KeyKind::OpenPgp { key: None, passphrase: Some(_) }));
    assert!(matches!(settings.keys[3].kind, KeyKind::RcloneCrypt { password2: Some(_), obscured: true, .. }));
    for (text, expected) in [
        ("id = \"a\"\n", "FILE:1: keys[0].secret: is missing"),
        ("id = \"a\"\nsecret = \"env:A\"\nsalt = \"x\"\n", "FILE:4: keys[0].salt: has no meaning with kind = \"aes\""),
        ("id = \"a\"\nkind = \"pbkdf2\"\nsecret = \"env:A\"\n", "FILE:1: keys[0].salt: is missing"),
        ("id = \"a\"\nkind = \"openpgp\"\n", "FILE:1: keys[0]: wants a secret key"),
        (
            "id = \"a\"\nkind = \"pbkdf2\"\nsecret = \"env:A\"\nsalt = \"\"\niterations = 0\n",
            "FILE:6: keys[0].iterations: wants a number from 1 to 10000000",
        ),
        (
            "id = \"a\"\nkind = \"openpgp\"\npassphrase = \"env:A\"\n",
            "keyring.primary: none of the keys can wrap new objects",
        ),
        (
            "id = \"a\"\nsecret = \"env:A\"\ncheck = \"0123456789ABCDEF\"\n",
            "FILE:4: keys[0].check: wants the 16 hex digits that",
        ),
        (
            "id = \"a\"\nkind = \"aws-kms\"\nkey = \"alias/a\"\ncheck = \"0123456789abcdef\"\n",
            "FILE:5: keys[0].check: has no meaning with kind = \"aws-kms\", whose key never comes here",
        ),
        (
            "id = \"a\"\nkind = \"openpgp\"\npassphrase = \"env:A\"\ncheck = \"0123456789abcdef\"\n",
            "FILE:5: keys[0].check: has no meaning with kind = \"openpgp\", which only reads",
        ),
        ("id = \"a\"\nkind = \"x25519\"\n", "FILE:1: keys[0]: wants the private key"),
        (
            "id = \"a\"\nkind = \"rsa\"\nsecret = \"env:A\"\npublic = \"env:B\"\n",
            "FILE:1: keys[0]: wants the private key",
        ),
        ("id = \"a\"\nkind = \"passphrase\"\nsecret = \"env:A\"\n", "FILE:1: keys[0].argon2: is missing"),
        (
            "id = \"a\"\nkind = \"passphrase\"\nsecret = \"env:A\"\nargon2 = \"$argon2id$v=19$m=8,t=1,p=1$AAAA\"\n",
            "FILE:5: keys[0].argon2: parameters of a passphrase are $argon2id$v=19$",
        ),
    ] {
        let problem = bad(&format!("[[keys]]\n{text}"));
        assert!(problem.lines().any(|line| line.starts_with(expected)), "{text}\n{problem}");
    }
    let named = bad(&format!("{text}[keyring]\nprimary = \"mail\"\n"));
    assert!(named.contains("keyring.primary: key \"mail\" is of a kind that only reads"), "{named}");
}

#[test]
fn half_a_key_writes_and_wants_another_for_uploads() {
    let public = "[[keys]]\nid = \"half\"\nkind = \"x25519\"\npublic = \"env:A\"\n";
    let other = "[[keys]]\nid = \"other\"\nsecret = \"env:B\"\n";
    assert!(good(public).writes_only());
    let both = |primary: &str, uploads: &str| {
        format!("{public}{other}[keyring]\nprimary = \"{primary}\"\nuploads = \"{uploads}\"\n")
    };
    assert_eq!(good(&both("half", "other")).upload_key.as_deref(), Some("other"));
    for (text, expected) in [
        (both("other", "other"), "FILE:10: keyring.uploads: has no meaning"),
        (both("half", "half"), "FILE:10: keyring.uploads: key \"half\" cannot unwrap"),
        (both("half", "none"), "FILE:10: keyring.uploads: there is no key \"none\""),
    ] {
        let problem = bad(&text);
        assert!(problem.lines().any(|line| line.starts_with(expected)), "{text}\n{problem}");
    }
}

const TWO_KEYS: &str = "[[keys]]\nid = \"main\"\nsecret = \"env:A\"\n[[keys]]\nid = \"finance\"\nsecret = \"env:B\"\n\
                        [[keys]]\nid = \"half\"\nkind = \"x25519\"\npublic = \"env:C\"\n\
                        [[keys]]\nid = \"mail\"\nkind = \"openpgp\"\npassphrase = \"env:D\"\n";

#[test]
fn a_rule_may_have_keys_of_its_own() {
    let rules = "[[rules]]\nbucket = \"money\"\nprimary = \"finance\"\nreaders = \"main\"\n";
    let settings = good(&format!("{TWO_KEYS}{rules}"));
    assert_eq!(settings.primary, None, "every rule that seals names its own");
    assert_eq!(settings.rules[0].primary.as_deref(), Some("finance"));
    assert_eq!(settings.rules[0].readers.as_deref(), Some(&["main".to_owned()][..]));
    assert!(!settings.writes_only());
    let half = format!(
        "{TWO_KEYS}[keyring]\nprimary = \"main\"\n[[rules]]\nbucket = \"b\"\nprimary = \"half\"\nreaders = []\n"
    );
    assert!(good(&half).writes_only(), "a rule's own key counts");
    let nothing_new = "[[rules]]\nbucket = \"old\"\nformat = \"refused\"\n";
    assert_eq!(
        good(&format!("{TWO_KEYS}{rules}{nothing_new}")).primary,
        None,
        "nothing is wrapped where nothing is written"
    );
}

#[test]
fn a_rule_names_keys_that_are_there_and_can_do_it() {
    for (rule, expected) in [
        (
            "primary = \"fnance\"\n",
            "FILE:17: rules[0].primary: there is no key \"fnance\" in [[keys]]; did you mean \"finance\"? Known: \"finance\", \"main\"",
        ),
        (
            "primary = \"zzzzzz\"\n",
            "FILE:17: rules[0].primary: there is no key \"zzzzzz\" in [[keys]]. Known: \"main\", ",
        ),
        ("primary = \"mail\"\n", "FILE:17: rules[0].primary: key \"mail\" is of a kind that only reads"),
        (
            "primary = \"main\"\nreaders = [\"finance\", \"half\"]\n",
            "FILE:18: rules[0].readers: only the public half of key \"half\" is here",
        ),
        ("primary = \"main\"\nreaders = [\"mail\"]\n", "FILE:18: rules[0].readers: key \"mail\" is of a kind"),
        ("format = \"none\"\nprimary = \"main\"\n", "FILE:18: rules[0].primary: means nothing where nothing is sealed"),
        ("format = \"none\"\nreaders = \"main\"\n", "FILE:18: rules[0].readers: means nothing"),
        (
            "primary = \"main\"\n[[rules]]\nbucket = \"c\"\n",
            "keyring.primary: with several keys, say which one wraps new objects; the rule for \"c\" names none",
        ),
    ] {
        let problem = bad(&format!("{TWO_KEYS}[[rules]]\nbucket = \"b\"\n{rule}"));
        assert!(problem.lines().any(|line| line.starts_with(expected)), "{rule}\n{problem}");
    }
    let none = bad("[[rules]]\nbucket = \"b\"\nprimary = \"main\"\n");
    assert!(none.contains("rules[0].primary: there is no key \"main\": there are no [[keys]]"), "{none}");
}

#[test]
fn keys_of_services_say_where_and_who() {
    let key = |text: &str| good(&format!("[[keys]]\nid = \"a\"\n{text}")).keys.remove(0).kind;
    let arn = "arn:aws:kms:eu-west-1:1:key/2";
    let KeyKind::AwsKms(kms) = key(&format!("kind = \"aws-kms\"\nkey = \"{arn}\"\n")) else { panic!("KMS") };
    assert_eq!((kms.key.as_str(), kms.region.as_deref()), (arn, Some("eu-west-1")), "an ARN says where its key is");
    assert_eq!(kms.reuse, Reuse { age: Duration::from_mins(5), objects: 1_000 });
    assert!(matches!(kms.credentials, AwsCredentials::DefaultChain));
    let vault = "kind = \"vault-transit\"\nendpoint = \"https://v:8200\"\nkey = \"k\"\n";
    let with = |more: &str| match key(&format!("{vault}{more}")) {
        KeyKind::VaultTransit(key) => *key,
        other => panic!("{other:?}"),
    };
    let token = with("token = \"env:T\"\ncache = \"off\"\nreuse = 1\n");
    assert_eq!((token.mount.as_str(), token.reuse), ("transit", Reuse { age: Duration::ZERO, objects: 1 }));
    assert!(matches!(token.login, VaultLogin::Token(_)));
    let approle = with("role_id = \"r\"\nsecret_id = \"env:S\"\nauth_mount = \"a/b\"\n");
    assert!(matches!(approle.login, VaultLogin::AppRole { mount, .. } if mount == "a/b"));
    assert!(matches!(with("role = \"r\"\n").login, VaultLogin::Kubernetes { mount, .. } if mount == "kubernetes"));
    for (text, expected) in [
        ("kind = \"aws-kms\"\n", "FILE:1: keys[0].key: is missing: the key's ARN, id or alias".to_owned()),
        ("kind = \"aws-kms\"\nkey = \"k\"\naccess_key = \"x\"\n", "FILE:5: keys[0].access_key: ".to_owned()),
        ("kind = \"aws-kms\"\nkey = \"k\"\ntoken = \"env:T\"\n", "FILE:5: keys[0].token: has no meaning".to_owned()),
        ("kind = \"aws-kms\"\nkey = \"k\"\nreuse = 0\n", "FILE:5: keys[0].reuse: wants".to_owned()),
        (
            "kind = \"aws-kms\"\nkey = \"k\"\ncontext = { \"sealgate:x\" = \"\" }\n",
            "FILE:5: keys[0].context: names that begin".to_owned(),
        ),
        (vault, "FILE:1: keys[0]: wants one way to log in".to_owned()),
        (&format!("{vault}token = \"env:T\"\nrole = \"r\"\n"), "FILE:1: keys[0]: wants one way to log in".to_owned()),
        (&format!("{vault}token = \"hunter2\"\n"), "FILE:6: keys[0].token: secrets are not written".to_owned()),
        (&format!("{vault}token = \"env:T\"\nmount = \"../sys\"\n"), "FILE:7: keys[0].mount: ".to_owned()),
        (&format!("{vault}token = \"env:T\"\njwt = \"env:J\"\n"), "FILE:7: keys[0].jwt: ".to_owned()),
    ] {
        let problem = bad(&format!("[[keys]]\nid = \"a\"\n{text}"));
        assert!(problem.lines().any(|line| line.starts_with(&expected)), "{text}\n{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn one_run_shows_every_problem() {
    let problems = bad("listen = \"x\"\nadmin = \"y\"\n[limits]\ndrain = \"z\"\n");
    assert_eq!(problems.lines().count(), 3, "{problems}");
}

#[test]
fn an_endpoint_alone_means_an_s3_store() {
    let settings = good("[store]\nendpoint = \"http://127.0.0.1:9000\"\n[[keys]]\nid = \"a\"\nsecret = \"env:A\"\n");
    let StoreSettings::S3(s3) = settings.store else { panic!("not S3") };
    assert_eq!(s3.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    assert!(matches!(s3.credentials, AwsCredentials::DefaultChain));
    assert_eq!(settings.primary.as_deref(), Some("a"));
}

#[test]
fn a_rule_that_seals_nothing_expects_nothing_of_ours() {
    assert_eq!(good("[[rules]]\nbucket = \"b\"\nformat = \"none\"\n").rules[0].contents, Contents::Plain);
    let refused = good("[[rules]]\nbucket = \"b\"\nformat = \"refused\"\n");
    assert!(refused.rules[0].format == WriteFormat::Refused && refused.rules[0].contents == Contents::Sealed);
    let mixed = good("[[rules]]\nbucket = \"b\"\ncontents = \"mixed\"\nreads = [\"plaintext\"]\n");
    assert_eq!(mixed.rules[0].contents, Contents::Mixed);
}

#[test]
fn the_report_shows_every_value_with_its_source() {
    let flags = Overrides { store: Some("/srv/x".to_owned()), ..Overrides::default() };
    let text = "region = \"r\"\n[[clients]]\naccess_key = \"a\"\nsecret = \"command:pass show a\"\n";
    let report = load_text(text, &[("SEALGATE_LOG__FILTER", "debug")], flags).unwrap().report.to_string();
    let line = |start: &str| report.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    assert!(line("region = \"r\"").contains(":1"), "{report}");
    assert!(line("clients[0].access_key = \"a\"").contains(":3"), "{report}");
    assert!(line("clients[0].secret = \"command:pass ...\"").contains(":4"), "{report}");
    assert!(line("log.filter = \"debug\"").ends_with("# SEALGATE_LOG__FILTER"), "{report}");
    assert!(line("store.path = \"/srv/x\"").ends_with("# --store"), "{report}");
    assert!(line("limits.drain = \"30s\"").ends_with("# default"), "{report}");
    assert!(line("data = \"/home/x/.local/share/sealgate\"").ends_with("# implied"), "{report}");
}

#[test]
fn uploads_are_remembered_locally_unless_the_store_is_to() {
    let settings = good("");
    assert!(settings.uploads == Uploads::Local && !settings.equal_parts);
    let settings = good("[store]\nuploads = \"bucket\"\nequal_parts = true\n");
    assert!(settings.uploads == Uploads::Bucket && settings.equal_parts);
    let problem = bad("[store]\nuploads = \"buckets\"\n");
    assert!(
        problem.starts_with("FILE:2: store.uploads: \"buckets\" is not known here; did you mean \"bucket\"?"),
        "{problem}"
    );
}

#[test]
fn the_examples_are_valid() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let overrides = Overrides { config: Some(path.clone()), ..Overrides::default() };
            let loaded = load_from(&overrides, &[("HOME".to_owned(), "/home/x".to_owned())]);
            assert!(loaded.is_ok(), "{}: {}", path.display(), loaded.err().unwrap());
            seen += 1;
        }
    }
    assert!(seen >= 3);
}
