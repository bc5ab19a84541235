// The Amazon S3 Encryption Client for Go: KMS keys; writes format V2, reads V2 and V3.
//
// A JSON request a line on standard input, a JSON answer a line on standard output, as tests/interop/tools/serve.py says. 3.2.0 is the newest
// version that the module proxy hands out: it reads format V3, and writes V2 only.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/aws/amazon-s3-encryption-client-go/v3/client"
	"github.com/aws/amazon-s3-encryption-client-go/v3/commitment"
	"github.com/aws/amazon-s3-encryption-client-go/v3/materials"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

type request struct {
	Do, Bucket, Key, File, Format string
	Master                        struct{ Kms string }
	Context, Metadata             map[string]string
	Legacy                        bool
}

type answer struct {
	Ok    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

type services struct {
	store *s3.Client
	keys  *kms.Client
}

func connect() services {
	settings, err := config.LoadDefaultConfig(context.Background(), config.WithRegion("us-east-1"))
	if err != nil {
		log.Fatal(err)
	}
	at := func(name string) aws.EndpointResolverWithOptionsFunc {
		return func(string, string, ...interface{}) (aws.Endpoint, error) {
			return aws.Endpoint{URL: os.Getenv(name), HostnameImmutable: true, SigningRegion: "us-east-1"}, nil
		}
	}
	store, keys := settings.Copy(), settings.Copy()
	store.EndpointResolverWithOptions, keys.EndpointResolverWithOptions = at("INTEROP_S3"), at("INTEROP_KMS")
	return services{s3.NewFromConfig(store, func(options *s3.Options) { options.UsePathStyle = true }), kms.NewFromConfig(keys)}
}

func (at services) client(wanted request) (*client.S3EncryptionClientV3, error) {
	ring := materials.NewKmsKeyring(at.keys, wanted.Master.Kms, func(options *materials.KeyringOptions) {
		options.EnableLegacyWrappingAlgorithms = wanted.Legacy
	})
	manager, err := materials.NewCryptographicMaterialsManager(ring)
	if err != nil {
		return nil, err
	}
	return client.New(at.store, manager, func(options *client.EncryptionClientOptions) {
		options.EnableLegacyUnauthenticatedModes = wanted.Legacy
		options.CommitmentPolicy = commitment.FORBID_ENCRYPT_ALLOW_DECRYPT
	})
}

func (at services) carry(wanted request) error {
	tool, err := at.client(wanted)
	if err != nil {
		return err
	}
	circumstances := context.Background()
	if len(wanted.Context) > 0 {
		circumstances = context.WithValue(circumstances, "EncryptionContext", wanted.Context)
	}
	switch wanted.Do {
	case "put":
		content, err := os.ReadFile(wanted.File)
		if err != nil {
			return err
		}
		_, err = tool.PutObject(circumstances, &s3.PutObjectInput{Bucket: &wanted.Bucket, Key: &wanted.Key, Body: bytes.NewReader(content), Metadata: wanted.Metadata})
		return err
	case "get":
		found, err := tool.GetObject(circumstances, &s3.GetObjectInput{Bucket: &wanted.Bucket, Key: &wanted.Key})
		if err != nil {
			return err
		}
		content, err := io.ReadAll(found.Body)
		if err != nil {
			return err
		}
		return os.WriteFile(wanted.File, content, 0o600)
	}
	return fmt.Errorf("unknown: %s", wanted.Do)
}

func main() {
	at, lines, answers := connect(), bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var wanted request
		said := answer{Ok: true}
		if err = json.Unmarshal(line, &wanted); err == nil {
			err = at.carry(wanted)
		}
		if err != nil {
			said = answer{Error: err.Error()}
		}
		if err = answers.Encode(said); err != nil {
			log.Fatal(err)
		}
	}
}
