// Package s3 reads models from Amazon S3 and from stores that speak like it.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/bucket"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Open is the store of s3://bucket/path, as the environment has it.
func Open(ctx context.Context, uri string, a access.Access) (transfer.Store, error) {
	_, location, _ := strings.Cut(uri, "://")
	return New(ctx, FromEnvironment(a), location, a.Client)
}

// New is the store of "bucket/path".
func New(ctx context.Context, c Config, location string, client *http.Client) (transfer.Store, error) {
	name, path, err := bucket.Split(location)
	if err != nil {
		return nil, err
	}
	o, err := c.options(ctx, client)
	if err != nil {
		return nil, err
	}
	return bucket.Folder{Bucket: &store{bucket: name, options: o, client: s3.New(o)}, Path: path}, nil
}

type store struct {
	bucket  string
	options s3.Options

	mu     sync.Mutex
	client *s3.Client
}

func (s *store) api() *s3.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}

// Each lists; the first request finds out where the bucket is.
func (s *store) Each(ctx context.Context, prefix string, found func(transfer.Object) error) error {
	return s.list(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix}, func(page *s3.ListObjectsV2Output) error {
		for i := range page.Contents {
			if err := found(object(&page.Contents[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// Folders lists folders alone.
func (s *store) Folders(ctx context.Context, prefix string, found func(key string) error) error {
	input := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix, Delimiter: aws.String("/")}
	return s.list(ctx, input, func(page *s3.ListObjectsV2Output) error {
		for _, folder := range page.CommonPrefixes {
			if err := found(aws.ToString(folder.Prefix)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *store) list(ctx context.Context, input *s3.ListObjectsV2Input, read func(*s3.ListObjectsV2Output) error) error {
	for {
		page, err := s.api().ListObjectsV2(ctx, input)
		if err != nil && s.moved(err) {
			page, err = s.api().ListObjectsV2(ctx, input)
		}
		if err != nil {
			return s.explain(err)
		}
		if err := read(page); err != nil {
			return err
		}
		if !aws.ToBool(page.IsTruncated) || page.NextContinuationToken == nil {
			return nil
		}
		input.ContinuationToken = page.NextContinuationToken
	}
}

func object(o *types.Object) transfer.Object {
	return transfer.Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Version: version(o.ETag)}
}

func version(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

func (s *store) Stat(ctx context.Context, key string) (transfer.Object, error) {
	h, err := s.api().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil && s.moved(err) {
		h, err = s.api().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	}
	if err != nil {
		return transfer.Object{}, s.explain(err)
	}
	return transfer.Object{Key: key, Size: aws.ToInt64(h.ContentLength), Version: version(h.ETag)}, nil
}

// Open reads. The checksum of an object comes with the answer to a request for
// the whole of it.
func (s *store) Open(ctx context.Context, o *transfer.Object, offset, length int64) (*transfer.Body, error) {
	input := &s3.GetObjectInput{Bucket: &s.bucket, Key: &o.Key}
	if o.Version != "" {
		input.IfMatch = aws.String(`"` + o.Version + `"`)
	}
	if offset > 0 || length != o.Size {
		input.Range = aws.String(access.Range(offset, length))
	}
	r, err := s.api().GetObject(ctx, input, withChecksums)
	if err != nil {
		return nil, s.explain(err)
	}
	body := &transfer.Body{ReadCloser: r.Body, Version: version(r.ETag)}
	if input.Range == nil {
		body.Sums = s.sums(checksums{
			r.ETag, r.ServerSideEncryption, r.SSECustomerAlgorithm, r.ChecksumCRC64NVME, r.ChecksumCRC32C, r.ChecksumCRC32, r.ChecksumSHA256,
		})
	}
	return body, nil
}

// Sums asks for the checksums of an object that is read in ranges.
func (s *store) Sums(ctx context.Context, o *transfer.Object) ([]transfer.Sum, error) {
	h, err := s.api().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &o.Key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return nil, s.explain(err)
	}
	return s.sums(checksums{
		h.ETag, h.ServerSideEncryption, h.SSECustomerAlgorithm, h.ChecksumCRC64NVME, h.ChecksumCRC32C, h.ChecksumCRC32, h.ChecksumSHA256,
	}), nil
}

// withChecksums asks for checksums without the client comparing them too.
func withChecksums(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("x-amz-checksum-mode", "ENABLED"))
}

// checksums are what an answer says of an object's content.
type checksums struct {
	etag                             *string
	encryption                       types.ServerSideEncryption
	customerKey                      *string
	crc64nvme, crc32c, crc32, sha256 *string
}

// sums that are those of the whole content. That of parts, with their number
// behind it, is none, and the ETag is one only of what is not encrypted with a
// key of its own.
func (s *store) sums(c checksums) []transfer.Sum {
	sums := transfer.Base64Sum(transfer.CRC64NVME, aws.ToString(c.crc64nvme))
	sums = append(sums, transfer.Base64Sum(transfer.CRC32C, aws.ToString(c.crc32c))...)
	sums = append(sums, transfer.Base64Sum(transfer.CRC32, aws.ToString(c.crc32))...)
	sums = append(sums, transfer.Base64Sum(transfer.SHA256, aws.ToString(c.sha256))...)
	plain := c.encryption == "" || c.encryption == types.ServerSideEncryptionAes256
	if plain && c.customerKey == nil && !strings.HasSuffix(s.bucket, "--x-s3") {
		sums = append(sums, transfer.HexSum(transfer.MD5, version(c.etag))...)
	}
	return sums
}

// moved follows AWS to the bucket's region, if err tells of one.
func (s *store) moved(err error) bool {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil {
		return false
	}
	region := answer.Response.Header.Get("X-Amz-Bucket-Region")
	s.mu.Lock()
	defer s.mu.Unlock()
	if region == "" || region == s.options.Region {
		return false
	}
	s.options.Region = region
	s.client = s3.New(s.options)
	return true
}

// hints say what to do about what S3 says.
func (s *store) hint(code string) string {
	if s.options.Credentials == nil && (code == "AccessDenied" || code == "Forbidden") {
		return "no credentials were found, and it is not public"
	}
	return map[string]string{
		"SignatureDoesNotMatch": "the secret key is wrong",
		"InvalidAccessKeyId":    "the access key is wrong",
		"AccessDenied":          "these credentials may not read it",
		"Forbidden":             "these credentials may not read it, or it does not exist",
		"NoSuchBucket":          "the bucket does not exist",
		"NoSuchKey":             "the object does not exist",
		"NotFound":              "it does not exist",
		"ExpiredToken":          "the credentials have expired",
		"PermanentRedirect":     "the bucket is in another region or at another endpoint",
		"RequestTimeTooSkewed":  "the clock of this machine is wrong",
	}[code]
}

// explain turns an error of the client into one that says what is wrong.
func (s *store) explain(err error) error {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) {
		return access.Failure(err)
	}
	status := answer.HTTPStatusCode()
	if status == http.StatusPreconditionFailed {
		return transfer.Changed()
	}
	text := fmt.Errorf("the server answers %d %s", status, http.StatusText(status))
	if api := smithy.APIError(nil); errors.As(err, &api) {
		if code := api.ErrorCode(); code != "" && code != http.StatusText(status) && code != "UnknownError" {
			text = fmt.Errorf("%w, %s", text, code)
		}
		if hint := s.hint(api.ErrorCode()); hint != "" {
			text = fmt.Errorf("%w: %s", text, hint)
		} else if message := api.ErrorMessage(); message != "" {
			text = fmt.Errorf("%w: %s", text, message)
		}
	}
	if status < 300 || status == 0 {
		return access.Failure(err)
	}
	return access.Judge(status, text)
}

// ID tells this bucket from others.
func (s *store) ID() string {
	return "s3 " + aws.ToString(s.options.BaseEndpoint) + " " + s.bucket
}
