package s3

import "github.com/prime-radiant/radiant/setting"

// Settings are the variables of the environment that an S3 store is reached by.
func Settings() []setting.Setting {
	const group = "S3"
	return []setting.Setting{
		{Group: group, Variable: "AWS_ACCESS_KEY_ID", Doc: "with the next one, who asks; otherwise Amazon's chain: profile and shared files, web identity (IRSA), pod identity, instance"},
		{Group: group, Variable: "AWS_SECRET_ACCESS_KEY", Doc: "the key that belongs to it"},
		{Group: group, Variable: "AWS_SESSION_TOKEN", Doc: "of credentials that end"},
		{Group: group, Variable: "AWS_PROFILE", Doc: "name in the shared files"},
		{Group: group, Variable: "AWS_SHARED_CREDENTIALS_FILE", Doc: "another place of them"},
		{Group: group, Variable: "AWS_WEB_IDENTITY_TOKEN_FILE", Doc: "set by IRSA"},
		{Group: group, Variable: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Doc: "set by ECS"},
		{Group: group, Variable: "AWS_CONTAINER_CREDENTIALS_FULL_URI", Doc: "set by pod identity"},
		{Group: group, Variable: "AWS_ANONYMOUS_CREDENTIAL", Doc: "true: anonymous, whatever else is there"},
		{Group: group, Variable: "awsAnonymousCredential", Doc: "the same, as KServe writes it"},
		{Group: group, Variable: "AWS_ENDPOINT_URL_S3", Doc: "URL of another S3 server"},
		{Group: group, Variable: "AWS_ENDPOINT_URL", Doc: "the same, after it"},
		{Group: group, Variable: "S3_ENDPOINT", Doc: "the same, after both; may be a host and port alone"},
		{Group: group, Variable: "S3_USE_HTTPS", Value: "1", Doc: "0: a host without a scheme is reached without TLS"},
		{Group: group, Variable: "AWS_REGION", Value: "us-east-1", Doc: "region; Amazon tells the right one"},
		{Group: group, Variable: "AWS_DEFAULT_REGION", Doc: "the same, after it"},
		{Group: group, Variable: "S3_REGION", Doc: "the same, after both"},
		{Group: group, Variable: "S3_FORCE_PATH_STYLE", Doc: "false: the bucket is part of the host's name; with another server it is not, unless this says so"},
		{Group: group, Variable: "S3_USE_VIRTUAL_BUCKET", Doc: "true: the same"},
		{Group: group, Variable: "S3_VERIFY_SSL", Value: "1", Doc: "0: any certificate will do"},
		{Group: group, Variable: "AWS_CA_BUNDLE", Doc: "file with more certificate authorities"},
	}
}
