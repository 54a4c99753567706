package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Config says where a bucket is and who asks.
type Config struct {
	// Endpoint is a URL, for stores other than that of AWS.
	Endpoint string
	// Region is us-east-1 where it is empty. AWS tells the right one.
	Region string
	// VirtualHost puts the bucket's name into the host of a custom endpoint.
	VirtualHost bool
	// CAFile has more certificate authorities; SkipVerify trusts everybody.
	CAFile     string
	SkipVerify bool

	// KeyID and Secret, with the Token of a session, or Profile of the shared
	// files; without both, the chain of AWS: shared files, web identity,
	// container and instance. Anonymous asks nobody.
	KeyID, Secret, Token string
	Profile              string
	SharedFile           string
	Anonymous            bool
	// Demanded is true where the surroundings say that there is an identity:
	// not finding one is an error, and not an anonymous request.
	Demanded bool
}

const defaultRegion = "us-east-1"

// chainTimeout bounds the search for credentials, which asks addresses that
// exist in some clouds only.
const chainTimeout = 15 * time.Second

// FromEnvironment reads the variables of AWS, and those that KServe and Seldon
// Core have for other stores.
func FromEnvironment(a access.Access) Config {
	return Config{
		Endpoint:    endpoint(a),
		Region:      a.Value("AWS_REGION", "AWS_DEFAULT_REGION", "S3_REGION"),
		VirtualHost: a.Bool("S3_USE_VIRTUAL_BUCKET", false) || a.Value("S3_FORCE_PATH_STYLE") != "" && !a.Bool("S3_FORCE_PATH_STYLE", true),
		CAFile:      a.Value("AWS_CA_BUNDLE"),
		SkipVerify:  !a.Bool("S3_VERIFY_SSL", true),
		KeyID:       a.Value("AWS_ACCESS_KEY_ID"),
		Secret:      a.Value("AWS_SECRET_ACCESS_KEY"),
		Token:       a.Value("AWS_SESSION_TOKEN"),
		Profile:     a.Value("AWS_PROFILE"),
		SharedFile:  a.Value("AWS_SHARED_CREDENTIALS_FILE"),
		Anonymous:   a.Bool("AWS_ANONYMOUS_CREDENTIAL", false) || a.Bool("awsAnonymousCredential", false),
		Demanded: a.Value("AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE",
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI") != "",
	}
}

// endpoint is a URL. S3_ENDPOINT may be a host and port alone.
func endpoint(a access.Access) string {
	e := a.Value("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT")
	return access.WithScheme(e, a.Bool("S3_USE_HTTPS", true))
}

// options are those of a client, without a region.
func (c Config) options(ctx context.Context, client *http.Client) (s3.Options, error) {
	if c.Endpoint != "" {
		if u, err := url.Parse(c.Endpoint); err != nil || u.Host == "" {
			return s3.Options{}, errors.New("the S3 endpoint is no URL; write it like https://minio.example.com:9000")
		}
	}
	client, err := access.Trust(client, c.CAFile, !c.SkipVerify)
	if err != nil {
		return s3.Options{}, err
	}
	o := s3.Options{
		HTTPClient: client,
		// Tries are counted, and content is compared, where all stores have it.
		Retryer:                    aws.NopRetryer{},
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		UsePathStyle:               c.Endpoint != "" && !c.VirtualHost,
		Region:                     cmp.Or(c.Region, defaultRegion),
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = aws.String(c.Endpoint)
	}
	o.Credentials, err = c.credentials(ctx)
	return o, err
}

// credentials are nil for anonymous requests.
func (c Config) credentials(ctx context.Context) (aws.CredentialsProvider, error) {
	switch {
	case c.Anonymous:
		return nil, nil
	case c.KeyID != "" && c.Secret == "" || c.KeyID == "" && c.Secret != "":
		return nil, errors.New("of access key and secret key, only one is set: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together")
	case c.KeyID != "":
		return credentials.NewStaticCredentialsProvider(c.KeyID, c.Secret, c.Token), nil
	}
	ctx, cancel := context.WithTimeout(ctx, chainTimeout)
	defer cancel()
	load := []func(*config.LoadOptions) error{config.WithRegion(cmp.Or(c.Region, defaultRegion))}
	if c.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(c.Profile))
	}
	if c.SharedFile != "" {
		load = append(load, config.WithSharedCredentialsFiles([]string{c.SharedFile}))
	}
	if c.Endpoint != "" {
		// The instance that this runs on is known to AWS alone.
		load = append(load, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	found, err := config.LoadDefaultConfig(ctx, load...)
	if err == nil {
		_, err = found.Credentials.Retrieve(ctx)
	}
	switch {
	case err == nil:
		return found.Credentials, nil
	case c.Demanded:
		return nil, transfer.Denied(fmt.Errorf("looking for AWS credentials: %w", access.Failure(err)))
	}
	return nil, nil
}
