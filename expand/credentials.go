package expand

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// CredentialsConfig names the keys of Secrets that hold credentials, and says
// how S3 is reached where a Secret does not.
type CredentialsConfig struct {
	// S3KeyID and S3Key are the keys of the access key's two halves.
	S3KeyID, S3Key string
	// S3Endpoint is a host with an optional port; empty: Amazon's.
	S3Endpoint string
	// S3UseHTTPS is "0" for plain HTTP.
	S3UseHTTPS string
	// GCSFile is the key of a Google service account's JSON file.
	GCSFile string
	// Secrets are those that may be read: NAMESPACE/NAME, where * stands for
	// any, separated by commas, or [NoSecrets]. Empty: all.
	Secrets string
}

// NoSecrets says that no Secret may be read.
const NoSecrets = "none"

// MayRead reports whether a Secret may be asked for its keys.
func (config *CredentialsConfig) MayRead(namespace, name string) bool {
	if config.Secrets == "" {
		return true
	}
	for part := range strings.SplitSeq(config.Secrets, ",") {
		in, named, _ := strings.Cut(strings.TrimSpace(part), "/")
		if (in == "*" || in == namespace) && (named == "*" || named == name) {
			return true
		}
	}
	return false
}

// CheckSecrets returns what is wrong with a value of [CredentialsConfig.Secrets].
func CheckSecrets(list string) error {
	if list == "" || list == NoSecrets {
		return nil
	}
	for part := range strings.SplitSeq(list, ",") {
		in, named, ok := strings.Cut(strings.TrimSpace(part), "/")
		if !ok || !isSubdomain(in) || !isSubdomain(named) {
			return fmt.Errorf("%q is not NAMESPACE/NAME of a Secret, with * for any, or %s", part, NoSecrets)
		}
	}
	return nil
}

// isSubdomain reports whether a part names something that Kubernetes can hold,
// or is *.
func isSubdomain(part string) bool {
	return part == "*" || len(validation.IsDNS1123Subdomain(part)) == 0
}

const (
	gcsVolume = "user-gcp-sa"
	gcsDir    = "/var/secrets/"
)

// addCredentials gives an init container the credentials in the Secrets that a
// service account lists. What the container has already stays.
func (p *predictor) addCredentials(pod *corev1.PodSpec, c *corev1.Container, account string) {
	config := &p.in.Config.Storage.Credentials
	for _, secret := range p.in.Facts.Accounts[account].Secrets {
		switch {
		case slices.Contains(secret.Keys, config.S3Key):
			for _, e := range config.s3Env(secret) {
				c.Env = addVar(c.Env, e)
			}
		case slices.Contains(secret.Keys, config.GCSFile):
			volume := sharedVolume(pod, gcsVolume, corev1.VolumeSource{
				Secret: &corev1.SecretVolumeSource{SecretName: secret.Name},
			})
			addMount(c, corev1.VolumeMount{Name: volume, MountPath: gcsDir, ReadOnly: true})
			c.Env = addEnv(c.Env, "GOOGLE_APPLICATION_CREDENTIALS", gcsDir+config.GCSFile)
		}
	}
}

// s3Env is the access key and what the Secret's annotations say of the store.
func (config *CredentialsConfig) s3Env(secret Secret) []corev1.EnvVar {
	fromKey := func(name, key string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret.Name}, Key: key,
		}}}
	}
	env := []corev1.EnvVar{fromKey("AWS_ACCESS_KEY_ID", config.S3KeyID), fromKey("AWS_SECRET_ACCESS_KEY", config.S3Key)}
	set := func(name, value string) {
		if value != "" {
			env = append(env, corev1.EnvVar{Name: name, Value: value})
		}
	}
	endpoint, useHTTPS := secret.annotation("s3-endpoint"), secret.annotation("s3-usehttps")
	if endpoint == "" {
		endpoint = config.S3Endpoint
		if useHTTPS == "" {
			useHTTPS = config.S3UseHTTPS
		}
	}
	if endpoint != "" {
		scheme := "https://"
		if useHTTPS == "0" || strings.EqualFold(useHTTPS, "false") {
			scheme = "http://"
		}
		set("S3_USE_HTTPS", useHTTPS)
		set("S3_ENDPOINT", endpoint)
		set("AWS_ENDPOINT_URL", scheme+endpoint)
	}
	set("AWS_REGION", secret.annotation("s3-region"))
	set("S3_VERIFY_SSL", secret.annotation("s3-verifyssl"))
	return env
}

// annotation returns what a Secret says of its store, or "".
func (s Secret) annotation(name string) string {
	for _, prefix := range storeAnnotationPrefixes() {
		if value, ok := s.Annotations[prefix+name]; ok {
			return value
		}
	}
	return ""
}
