//! A key management service that is a table: it knows the data keys of the vectors, each under exactly its context.
//!
//! It speaks just what Decrypt takes, over HTTP, and refuses every other blob and context as the real one does.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What every vector's key in KMS is called.
pub const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/5edd3507-51c6-4341-af47-2c820311645d";

/// Wrapped key and context, and the data key in base64.
type Table = BTreeMap<(String, String), String>;

/// Starts it for these rows of `encrypted_data_key_base64`, `encryption_context` and `data_key_hex`; its endpoint.
#[must_use]
pub fn start(rows: &[Value]) -> String {
    let table: Table = rows.iter().map(row).collect();
    let (table, listener) = (Arc::new(table), TcpListener::bind("127.0.0.1:0").unwrap());
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let table = Arc::clone(&table);
            thread::spawn(move || answer(&connection.unwrap(), &table));
        }
    });
    endpoint
}

fn row(row: &Value) -> ((String, String), String) {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let key = STANDARD.encode(hex::decode(text("data_key_hex")).unwrap());
    ((text("encrypted_data_key_base64"), context(&row["encryption_context"])), key)
}

/// In one order, so that equal contexts are equal texts.
fn context(context: &Value) -> String {
    let pairs: BTreeMap<&String, &Value> = context.as_object().into_iter().flatten().collect();
    serde_json::to_string(&pairs).unwrap()
}

/// One request on each connection.
fn answer(mut connection: &TcpStream, table: &Table) {
    let mut reader = BufReader::new(connection);
    let (mut line, mut headers) = (String::new(), Vec::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        headers.push(line.trim_end().to_ascii_lowercase());
        line.clear();
    }
    let header = |name: &str| headers.iter().find_map(|header| header.strip_prefix(name)).map(str::trim);
    let Some(len) = header("content-length:") else { return };
    let mut body = vec![0; len.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let asked: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(header("x-amz-target:"), Some("trentservice.decrypt"));
    let row = (asked["CiphertextBlob"].as_str().unwrap().to_owned(), context(&asked["EncryptionContext"]));
    let (status, said) = match table.get(&row) {
        Some(key) if asked["KeyId"] == KEY => ("200 OK", json!({ "KeyId": KEY, "Plaintext": key })),
        _ => ("400 Bad Request", json!({ "__type": "InvalidCiphertextException" })),
    };
    let said = said.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        said.len()
    );
    connection.write_all((head + &said).as_bytes()).unwrap();
}
