package stores

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// S3 is a running versitygw.
type S3 struct {
	URL, Key, Secret string
	// Dir has a folder for each bucket.
	Dir string

	host    string
	program func(host, port string) *exec.Cmd
	stop    func()
}

// StartS3 starts a server with empty buckets.
func StartS3(t testing.TB, buckets ...string) *S3 {
	t.Helper()
	return StartS3At(t, Loopback, buckets...)
}

// StartS3At is StartS3 at another address of this machine, such as one that pods can
// reach.
func StartS3At(t testing.TB, host string, buckets ...string) *S3 {
	t.Helper()
	gateway := tools.Path(t, "versitygw")
	s := &S3{Key: "test", Secret: "testtest1", Dir: t.TempDir(), host: host}
	for _, b := range buckets {
		if err := os.Mkdir(filepath.Join(s.Dir, b), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	side := t.TempDir()
	s.program = func(host, port string) *exec.Cmd {
		// Attributes lie beside the files: not every file system has room for
		// them.
		return exec.Command(gateway, "--port", host+":"+port, "--access", s.Key, "--secret", s.Secret, "posix", "--sidecar", side, s.Dir)
	}
	s.Start(t)
	return s
}

// Start starts the server, with all that is in its buckets; one that was stopped listens
// where it did.
func (s *S3) Start(t testing.TB) {
	t.Helper()
	var output programs.Output
	for range 5 {
		address := strings.TrimPrefix(s.URL, "http://")
		if address == "" {
			address = FreeAddress(t, s.host)
		}
		host, port, _ := net.SplitHostPort(address)
		stop, err := begin(t, s.program(host, port), address, &output)
		if err == nil {
			s.URL, s.stop = "http://"+address, stop
			return
		}
	}
	t.Fatalf("the server does not start:\n%s", output.String())
}

// Stop ends the server.
func (s *S3) Stop() { s.stop() }

// Client speaks to the server as its owner.
func (s *S3) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.URL, UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(s.Key, s.Secret, ""),
	})
}

// Put writes objects, with the checksums that Amazon's clients send.
func (s *S3) Put(t testing.TB, bucket string, files Files) {
	t.Helper()
	client := s.Client()
	for key, content := range files {
		_, err := client.PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String(key), Body: bytes.NewReader(content),
		})
		if err != nil {
			t.Fatalf("writing %s: %v", key, err)
		}
	}
}

// Env is the environment of a client.
func (s *S3) Env() map[string]string {
	return map[string]string{"AWS_ENDPOINT_URL": s.URL, "AWS_ACCESS_KEY_ID": s.Key, "AWS_SECRET_ACCESS_KEY": s.Secret}
}

// Sign is a URL that lets anybody read an object.
func (s *S3) Sign(t testing.TB, bucket, key string) string {
	t.Helper()
	r, err := s3.NewPresignClient(s.Client()).PresignGetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return r.URL
}
