//! Settings as they are written: one field per name, no defaults, no meaning.
//!
//! Defaults live in `config/default.toml`, meaning in `resolve`. Every table refuses names it does
//! not have. Values that could be a literal secret are never shown in an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) listen: OneOrMany,
    pub(crate) admin: String,
    pub(crate) data: Option<String>,
    pub(crate) region: String,
    pub(crate) domains: Option<OneOrMany>,
    pub(crate) tls: RawTls,
    pub(crate) store: RawStore,
    #[serde(default)]
    pub(crate) keys: Vec<RawKey>,
    pub(crate) keyring: RawKeyring,
    #[serde(default)]
    pub(crate) clients: Vec<RawClient>,
    #[serde(default)]
    pub(crate) rules: Vec<RawRule>,
    #[serde(default)]
    pub(crate) cors: Vec<RawCors>,
    pub(crate) log: RawLog,
    pub(crate) limits: RawLimits,
    pub(crate) reload: RawReload,
}

/// `[tls]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTls {
    pub(crate) listen: Option<OneOrMany>,
    pub(crate) cert: Option<String>,
    pub(crate) key: Option<RawSecret>,
}

/// `[store]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStore {
    pub(crate) kind: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) addressing: Option<String>,
    pub(crate) access_key: Option<String>,
    pub(crate) secret: Option<RawSecret>,
    pub(crate) profile: Option<String>,
    pub(crate) ca: Option<String>,
    pub(crate) connect_timeout: String,
    pub(crate) response_timeout: String,
    pub(crate) uploads: String,
    pub(crate) equal_parts: bool,
}

/// One of `[[keys]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawKey {
    pub(crate) id: String,
    pub(crate) kind: Option<String>,
    pub(crate) secret: Option<RawSecret>,
    pub(crate) public: Option<RawSecret>,
    pub(crate) argon2: Option<String>,
    pub(crate) check: Option<String>,
    pub(crate) materials: Option<BTreeMap<String, String>>,
    pub(crate) context: Option<BTreeMap<String, String>>,
    pub(crate) salt: Option<String>,
    pub(crate) iterations: Option<Count>,
    pub(crate) passphrase: Option<RawSecret>,
    pub(crate) password2: Option<RawSecret>,
    pub(crate) obscured: Option<bool>,
    pub(crate) key: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) access_key: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) mount: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) ca: Option<String>,
    pub(crate) token: Option<RawSecret>,
    pub(crate) auth_mount: Option<String>,
    pub(crate) role_id: Option<String>,
    pub(crate) secret_id: Option<RawSecret>,
    pub(crate) role: Option<String>,
    pub(crate) jwt: Option<RawSecret>,
    pub(crate) cache: Option<String>,
    pub(crate) reuse: Option<Count>,
}

/// `[keyring]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawKeyring {
    pub(crate) primary: Option<String>,
    pub(crate) uploads: Option<String>,
}

/// One of `[[clients]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawClient {
    pub(crate) access_key: String,
    pub(crate) secret: RawSecret,
    pub(crate) buckets: Option<OneOrMany>,
    pub(crate) permission: Option<String>,
}

/// One of `[[rules]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) bucket: String,
    pub(crate) prefix: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) contents: Option<String>,
    pub(crate) reads: Option<OneOrMany>,
    pub(crate) etag: Option<String>,
    pub(crate) binding: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) bucket_identity: Option<String>,
    pub(crate) primary: Option<String>,
    pub(crate) readers: Option<OneOrMany>,
    pub(crate) commitment: Option<String>,
    pub(crate) legacy_wraps: Option<bool>,
    pub(crate) legacy_content: Option<bool>,
    pub(crate) unverified_ranges: Option<bool>,
    pub(crate) early_release: Option<bool>,
    pub(crate) instruction_files: Option<String>,
    pub(crate) instruction_suffix: Option<String>,
    pub(crate) write_instruction_files: Option<bool>,
    pub(crate) padding: Option<String>,
    pub(crate) md5_metadata: Option<String>,
    pub(crate) sidecar_suffix: Option<String>,
    pub(crate) keys: Option<OneOrMany>,
    pub(crate) context: Option<BTreeMap<String, String>>,
}

/// One of `[[cors]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCors {
    pub(crate) origins: OneOrMany,
    pub(crate) methods: Option<OneOrMany>,
    pub(crate) headers: Option<OneOrMany>,
    pub(crate) expose: Option<OneOrMany>,
    pub(crate) max_age: Option<String>,
}

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLog {
    pub(crate) format: String,
    pub(crate) filter: String,
}

/// `[limits]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLimits {
    pub(crate) connections: Count,
    pub(crate) header_timeout: String,
    pub(crate) handshake_timeout: String,
    pub(crate) drain: String,
    pub(crate) held_parts_mib: Count,
}

/// `[reload]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReload {
    pub(crate) watch: String,
}

/// One string or a list of strings.
#[derive(Debug)]
pub(crate) struct OneOrMany(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Strings;
        impl<'de> Visitor<'de> for Strings {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, one: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![one.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut many: A) -> Result<OneOrMany, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = many.next_element()? {
                    all.push(one);
                }
                Ok(OneOrMany(all))
            }
        }
        deserializer.deserialize_any(Strings)
    }
}

/// A whole number; as a string when it comes from the environment.
#[derive(Debug)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
                u64::try_from(number).map(Count).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Count, E> {
                text.trim().parse().map(Count).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// A place for a reference to a secret. Accepts anything, so that no error repeats what stands there.
pub(crate) struct RawSecret(Option<String>);

impl RawSecret {
    /// The text, unless it is of another type altogether.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for RawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawSecret")
    }
}

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <figment::value::Value as Deserialize>::deserialize(deserializer)?;
        Ok(Self(value.into_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::value::Error;
    use serde::forward_to_deserialize_any;

    use super::*;

    /// A deserializer that only learns which fields a struct has.
    struct Names<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(de::Error::custom("only structs have names"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            *self.0 = fields;
            Err(de::Error::custom("names are all we want"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn names<T: for<'de> Deserialize<'de>>() -> BTreeSet<String> {
        let mut fields: &'static [&'static str] = &[];
        assert!(T::deserialize(Names(&mut fields)).is_err());
        fields.iter().map(|&name| name.to_owned()).collect()
    }

    /// The names that default.toml sets or shows in a comment, in one table ("" for the top).
    fn documented(table: &str) -> BTreeSet<String> {
        let mut here = "";
        let mut found = BTreeSet::new();
        for line in crate::settings::DEFAULTS.lines() {
            let line = line.trim_start_matches("# ");
            if let Some(header) = line.strip_prefix('[') {
                here = header.trim_matches(|c| c == '[' || c == ']');
            } else if let Some((name, _)) = line.split_once(" = ")
                && here == table
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            {
                found.insert(name.to_owned());
            }
        }
        found
    }

    #[test]
    fn every_setting_is_documented_in_the_defaults_and_nothing_else_is() {
        let tables = ["tls", "store", "keys", "keyring", "clients", "rules", "cors", "log", "limits", "reload"];
        let top = names::<Raw>().into_iter().filter(|name| !tables.contains(&name.as_str())).collect();
        assert_eq!(documented(""), top);
        assert_eq!(documented("tls"), names::<RawTls>());
        assert_eq!(documented("store"), names::<RawStore>());
        assert_eq!(documented("keys"), names::<RawKey>());
        assert_eq!(documented("keyring"), names::<RawKeyring>());
        assert_eq!(documented("clients"), names::<RawClient>());
        assert_eq!(documented("rules"), names::<RawRule>());
        assert_eq!(documented("cors"), names::<RawCors>());
        assert_eq!(documented("log"), names::<RawLog>());
        assert_eq!(documented("limits"), names::<RawLimits>());
        assert_eq!(documented("reload"), names::<RawReload>());
    }
}
