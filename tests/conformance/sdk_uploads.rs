//! What the vendor's own SDK does to large objects: parts in parallel, read back by ranges, and every checksum it knows.

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier,
};
use futures::future::try_join_all;
use sealgate_tests::bytes::noise;
use sealgate_tests::request::Proof;
use sealgate_tests::stack::Room;

use crate::sdk::{RUNTIME, client};

crate::cases![
    parts_sent_at_once_make_one_object,
    every_checksum_comes_back,
    a_file_streams_up,
    a_presigned_upload_is_stored,
    copies_and_batches_go_through,
];

const PART: usize = 5 << 20;

struct Object<'a> {
    client: Client,
    bucket: &'a str,
    key: String,
}

impl<'a> Object<'a> {
    fn new(room: &'a Room<'_>, name: &str) -> Self {
        Self { client: client(room.stack), bucket: room.bucket, key: format!("{}{name}", room.prefix) }
    }

    /// Uploads `body` in parts, all at once and the last one first, each with a checksum.
    async fn upload(&self, body: &[u8], algorithm: ChecksumAlgorithm, kind: ChecksumType) {
        let create = self.client.create_multipart_upload().bucket(self.bucket).key(&self.key);
        let created = create.checksum_algorithm(algorithm.clone()).checksum_type(kind.clone()).send().await.unwrap();
        let id = created.upload_id().unwrap();
        let numbered: Vec<_> = (1..).zip(body.chunks(PART)).collect();
        let sends = numbered.iter().rev().map(|(number, part)| self.part(id, *number, part, algorithm.clone()));
        let mut parts = try_join_all(sends).await.unwrap();
        parts.reverse();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self.client.complete_multipart_upload().bucket(self.bucket).key(&self.key).upload_id(id);
        let done = complete.multipart_upload(parts).checksum_type(kind.clone()).send().await.unwrap();
        assert_eq!(done.checksum_type(), Some(&kind));
    }

    async fn part(
        &self,
        id: &str,
        number: i32,
        body: &[u8],
        algorithm: ChecksumAlgorithm,
    ) -> Result<CompletedPart, aws_sdk_s3::Error> {
        let upload = self.client.upload_part().bucket(self.bucket).key(&self.key).upload_id(id).part_number(number);
        let sent = upload.body(ByteStream::from(body.to_vec())).checksum_algorithm(algorithm).send().await?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .set_checksum_crc64_nvme(sent.checksum_crc64_nvme)
            .set_checksum_sha256(sent.checksum_sha256)
            .build())
    }

    async fn whole(&self) -> Vec<u8> {
        let get = self.client.get_object().bucket(self.bucket).key(&self.key).send().await.unwrap();
        get.body.collect().await.unwrap().to_vec()
    }

    async fn range(&self, from: usize, to: usize) -> Result<Vec<u8>, aws_sdk_s3::Error> {
        let get = self.client.get_object().bucket(self.bucket).key(&self.key).range(format!("bytes={from}-{}", to - 1));
        Ok(get.send().await?.body.collect().await.unwrap().to_vec())
    }
}

fn parts_sent_at_once_make_one_object(room: &Room<'_>) {
    let (object, body) = (Object::new(room, "parts"), noise(2, 2 * PART + 77_777));
    let sums = [
        (ChecksumAlgorithm::Crc64Nvme, ChecksumType::FullObject),
        (ChecksumAlgorithm::Crc32, ChecksumType::FullObject),
        (ChecksumAlgorithm::Sha256, ChecksumType::Composite),
    ];
    for (algorithm, kind) in sums {
        RUNTIME.block_on(async {
            object.upload(&body, algorithm, kind.clone()).await;
            assert!(object.whole().await == body);
            let cuts = [0, 65_530, PART - 1, PART + 65_537, body.len()];
            let ranges = cuts.windows(2).map(|cut| object.range(cut[0], cut[1]));
            assert!(try_join_all(ranges).await.unwrap().concat() == body);
            let head = object.client.head_object().bucket(object.bucket).key(&object.key);
            let third = head.clone().part_number(3).send().await.unwrap();
            assert_eq!((third.content_length(), third.parts_count()), (Some(77_777), Some(3)));
            let head = head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
            assert_eq!(head.checksum_type(), Some(&kind));
        });
    }
}

fn every_checksum_comes_back(room: &Room<'_>) {
    let (object, body) = (Object::new(room, "sums"), noise(3, 50_000));
    let algorithms = [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ];
    for algorithm in algorithms {
        RUNTIME.block_on(async {
            let put = object.client.put_object().bucket(object.bucket).key(&object.key);
            let put = put.checksum_algorithm(algorithm).body(ByteStream::from(body.clone())).send().await.unwrap();
            let sent = (&put.checksum_crc32, &put.checksum_crc32_c, &put.checksum_crc64_nvme, &put.checksum_sha1);
            let head = object.client.head_object().bucket(object.bucket).key(&object.key);
            let head = head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
            let kept = (&head.checksum_crc32, &head.checksum_crc32_c, &head.checksum_crc64_nvme, &head.checksum_sha1);
            assert_eq!((sent, &put.checksum_sha256), (kept, &head.checksum_sha256));
            assert_eq!(put.checksum_type(), Some(&ChecksumType::FullObject));
            // Checked against what comes down.
            assert!(object.whole().await == body);
        });
    }
}

fn a_file_streams_up(room: &Room<'_>) {
    let (object, body) = (Object::new(room, "file"), noise(4, 3_000_001));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, &body).unwrap();
    RUNTIME.block_on(async {
        let stream = ByteStream::from_path(&path).await.unwrap();
        let put = object.client.put_object().bucket(object.bucket).key(&object.key);
        put.body(stream).send().await.unwrap();
        assert!(object.whole().await == body);
    });
}

fn a_presigned_upload_is_stored(room: &Room<'_>) {
    let object = Object::new(room, "by url");
    let config = PresigningConfig::expires_in(std::time::Duration::from_mins(1)).unwrap();
    let put = object.client.put_object().bucket(object.bucket).key(&object.key).presigned(config);
    let url = RUNTIME.block_on(put).unwrap().uri().to_owned();
    let target = &url[url.find(room.bucket).unwrap() - 1..];
    let mut prepared = room.stack.request("PUT", "/").proof(Proof::Nothing).body(b"by url").prepare();
    target.clone_into(&mut prepared.target);
    prepared.send().check(200);
    room.holds("by url", b"by url");
}

fn copies_and_batches_go_through(room: &Room<'_>) {
    let (object, body) = (Object::new(room, "from here"), noise(5, 200_000));
    room.store("from here", &body);
    RUNTIME.block_on(async {
        let copied = Object::new(room, "to there");
        let source = format!("{}/{}", room.bucket, object.key.replace(' ', "%20"));
        let copy = object.client.copy_object().bucket(room.bucket).key(&copied.key).copy_source(source);
        copy.send().await.unwrap();
        assert!(copied.whole().await == body);
        let names = [&object.key, &copied.key].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
        let batch = Delete::builder().set_objects(Some(names.to_vec())).build().unwrap();
        let deleted = object.client.delete_objects().bucket(room.bucket).delete(batch).send().await.unwrap();
        assert_eq!((deleted.deleted().len(), deleted.errors().len()), (2, 0));
    });
    room.lacks("from here");
    room.lacks("to there");
}
