// The AWS SDK for JavaScript, version 3, with its defaults. Started by javascript.py with its place in the environment, in a folder where
// node finds the packages; prints one line of JSON for each check, and one for each object whose stored bytes are to be looked at.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand, HeadObjectCommand, CopyObjectCommand, DeleteObjectsCommand,
  DeleteBucketCommand, paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

const { endpoint, region, access, secret, bucket, tree } = JSON.parse(process.env.PLACE)
const s3 = new S3Client({
  endpoint, region, forcePathStyle: true, maxAttempts: 1, credentials: { accessKeyId: access, secretAccessKey: secret },
})
const names = fs.readdirSync(tree, { recursive: true }).filter(name => fs.statSync(`${tree}/${name}`).isFile())
const content = Object.fromEntries(names.map(name => [name, fs.readFileSync(`${tree}/${name}`)]))
const large = content.large
const Bucket = bucket

const print = line => console.log(JSON.stringify(line))
const send = command => s3.send(command)
const same = (left, right, name) => assert.ok(Buffer.compare(left, right) === 0, `${name} differs`)
async function read(Key, more = {}) {
  const answer = await send(new GetObjectCommand({ Bucket, Key, ...more }))
  return Buffer.from(await answer.Body.transformToByteArray())
}
const stored = (key, file) => print({ stored: key, file })
async function refused(name, promise) {
  await assert.rejects(promise, error => error.name === name)
}

const checks = {
  async make() {
    await send(new CreateBucketCommand({ Bucket }))
  },

  async buffers() {
    for (const [name, Body] of Object.entries(content)) {
      await send(new PutObjectCommand({ Bucket, Key: `tree/${name}`, Body, Metadata: { colour: 'red' } }))
      // The SDK checks the checksum that comes back.
      same(await read(`tree/${name}`), Body, name)
      stored(`tree/${name}`, name)
    }
    const head = await send(new HeadObjectCommand({ Bucket, Key: 'tree/one' }))
    assert.deepEqual([head.ContentLength, head.Metadata], [1, { colour: 'red' }])
  },

  async streams() {
    // A body that cannot be read twice: its checksum comes after it.
    const Body = fs.createReadStream(`${tree}/large`)
    await send(new PutObjectCommand({ Bucket, Key: 'stream', Body, ContentLength: large.length }))
    const answer = await send(new GetObjectCommand({ Bucket, Key: 'stream' }))
    const chunks = []
    await pipeline(answer.Body, async source => { for await (const chunk of source) chunks.push(chunk) })
    same(Buffer.concat(chunks), large, 'stream')
    stored('stream', 'large')
  },

  async checksums() {
    for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']) {
      const put = await send(new PutObjectCommand({ Bucket, Key: 'sum', Body: content['größe %+&=é.bin'], ChecksumAlgorithm }))
      const got = await send(new GetObjectCommand({ Bucket, Key: 'sum', ChecksumMode: 'ENABLED' }))
      await got.Body.transformToByteArray()
      const name = `Checksum${ChecksumAlgorithm}`
      assert.ok(put[name] && got[name] === put[name], `${name}: ${put[name]}, ${got[name]}`)
    }
    await refused('BadDigest', send(new PutObjectCommand({ Bucket, Key: 'sum', Body: 'other', ChecksumSHA256: Buffer.alloc(32).toString('base64') })))
  },

  async parts() {
    for (const [Key, Body] of [['parts', large], ['parts of a stream', Readable.from(large, { objectMode: false })]]) {
      await new Upload({ client: s3, params: { Bucket, Key, Body }, partSize: 5 << 20, queueSize: 4 }).done()
      same(await read(Key), large, Key)
      stored(Key, 'large')
    }
    const part = await send(new HeadObjectCommand({ Bucket, Key: 'parts', PartNumber: 2 }))
    assert.deepEqual([part.ContentLength, part.PartsCount], [5 << 20, 5])
  },

  async ranges() {
    const parts = await Promise.all([[0, 9], [65530, 65549], [5242870, 5242890], [20 << 20, large.length - 1]].map(
      async ([from, to]) => [await read('parts', { Range: `bytes=${from}-${to}` }), large.subarray(from, to + 1)]))
    for (const [got, expected] of parts) same(got, expected, 'range')
  },

  async conditions() {
    await refused('PreconditionFailed', send(new PutObjectCommand({ Bucket, Key: 'parts', Body: 'x', IfNoneMatch: '*' })))
    await refused('NoSuchKey', read('nothing'))
    await refused('NotFound', send(new HeadObjectCommand({ Bucket, Key: 'nothing' })))
  },

  async presigned() {
    // There is no body yet: the SDK writes the checksum of nothing into the URL, which Amazon ignores.
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'by url' }), { expiresIn: 300 })
    assert.equal((await fetch(put, { method: 'PUT', body: 'by url' })).status, 200)
    const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'by url' }), { expiresIn: 300 })
    assert.equal(await (await fetch(get)).text(), 'by url')
    assert.equal((await fetch(get.replace('by%20url', 'one'))).status, 403)
  },

  async copied() {
    await send(new CopyObjectCommand({ Bucket, Key: 'größe copied', CopySource: encodeURIComponent(`${bucket}/parts`) }))
    same(await read('größe copied'), large, 'copy')
    stored('größe copied', 'large')
  },

  async listing() {
    const listed = {}
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket, Prefix: 'tree/' })) {
      assert.ok(page.KeyCount <= 3)
      for (const entry of page.Contents) listed[entry.Key.slice(5)] = entry.Size
    }
    assert.deepEqual(listed, Object.fromEntries(names.map(name => [name, content[name].length]).sort()))
  },

  async remove() {
    const Objects = []
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket })) Objects.push(...page.Contents.map(({ Key }) => ({ Key })))
    const answer = await send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    assert.deepEqual([answer.Deleted.length, answer.Errors], [Objects.length, undefined])
    await send(new DeleteBucketCommand({ Bucket }))
  },
}

for (const [check, run] of Object.entries(checks)) {
  const start = performance.now()
  // What is stored is looked at before it is removed.
  if (check === 'remove') await new Promise(resolve => { print({ look: true }); process.stdin.once('data', resolve) })
  try {
    await run()
    print({ check, seconds: (performance.now() - start) / 1000 })
  } catch (problem) {
    print({ check, seconds: (performance.now() - start) / 1000, problem: `${problem.stack}` })
  }
}
process.stdin.pause()
