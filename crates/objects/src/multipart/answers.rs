//! What we read in a store's answers about uploads.

use crate::Error;
use crate::answers::rewrite_elements;

/// The content of the first element at `path`.
pub(crate) fn element(xml: &[u8], path: &[&str]) -> Result<Option<String>, Error> {
    Ok(elements(xml, path)?.into_iter().next())
}

/// Key and id of every upload in a `ListMultipartUploadsResult`.
pub(super) fn listed_uploads(xml: &[u8]) -> Result<Vec<(String, String)>, Error> {
    const ROOT: &str = "ListMultipartUploadsResult";
    let encoded = element(xml, &[ROOT, "EncodingType"])?.is_some_and(|encoding| encoding == "url");
    let decode = |key: String| {
        if !encoded {
            return key;
        }
        percent_encoding::percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    let keys = elements(xml, &[ROOT, "Upload", "Key"])?.into_iter().map(decode);
    let ids = elements(xml, &[ROOT, "Upload", "UploadId"])?;
    if keys.len() != ids.len() {
        return Err(Error::BadAnswer("a listed upload without a key or an id".into()));
    }
    Ok(keys.zip(ids).collect())
}

/// The contents of all elements at `path`, in order.
pub(crate) fn elements(xml: &[u8], path: &[&str]) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    rewrite_elements(xml, path, |value| {
        found.push(value.to_owned());
        None
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_read_in_order() {
        let page = b"<ListMultipartUploadsResult><EncodingType>url</EncodingType><Upload><Key>a%2Fb</Key><UploadId>1</UploadId></Upload>\
            <Upload><UploadId>2</UploadId><Key>c</Key></Upload></ListMultipartUploadsResult>";
        let uploads = listed_uploads(page).unwrap();
        assert_eq!(uploads, [("a/b".to_owned(), "1".to_owned()), ("c".to_owned(), "2".to_owned())]);
        let broken = b"<ListMultipartUploadsResult><Upload><Key>a</Key></Upload></ListMultipartUploadsResult>";
        assert!(listed_uploads(broken).is_err());
    }
}
