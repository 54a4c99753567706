package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// ConfigMapName is the ConfigMap that [Config.WithConfigMap] reads, in the
// operator's namespace.
const ConfigMapName = "seldon-config"

// WithConfigMap returns c with what the ConfigMap [ConfigMapName] says, whose
// keys hold JSON as in installations of Seldon Core v1. Variables of the
// environment count before it. Keys that are not known and fields that are left
// out change nothing. Each key that cannot be read is an error of its own, all
// of them joined; the result is then of no use.
func (c *Config) WithConfigMap(data map[string]string) (Config, error) {
	to := c.clone()
	var errs []error
	for _, section := range to.sections() {
		text, ok := data[section.key]
		if !ok || strings.TrimSpace(text) == "" {
			continue
		}
		if err := section.read([]byte(text)); err != nil {
			errs = append(errs, fmt.Errorf("reading ConfigMap %s: %s: %w", ConfigMapName, section.key, err))
		}
	}
	for _, f := range to.fields() {
		value, ok := to.Environment[f.name]
		if !ok {
			continue
		}
		if err := f.set(value); err != nil {
			errs = append(errs, fmt.Errorf("reading setting %s: %w", f.name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return to, nil
}

// clone copies what a field or a section of c writes into.
func (c *Config) clone() Config {
	to := *c
	to.ServerImages = maps.Clone(c.ServerImages)
	to.Expand.Ingress = maps.Clone(c.Expand.Ingress)
	to.Expand.Executor.Resources = *c.Expand.Executor.Resources.DeepCopy()
	to.Expand.Storage.Resources = *c.Expand.Storage.Resources.DeepCopy()
	return to
}

// section is one key of the ConfigMap.
type section struct {
	key  string
	read func(text []byte) error
}

func (c *Config) sections() []section {
	return []section{
		{"predictor_servers", c.readServers},
		{"storageInitializer", c.readStorage},
		{"explainer", c.readExplainer},
		{"credentials", c.readCredentials},
	}
}

// readServers reads, by the name of a server, its images by protocol.
func (c *Config) readServers(data []byte) error {
	var servers map[string]struct {
		Protocols map[string]struct {
			Image               string `json:"image"`
			DefaultImageVersion string `json:"defaultImageVersion"`
		} `json:"protocols"`
		REST json.RawMessage `json:"rest"`
		GRPC json.RawMessage `json:"grpc"`
	}
	if err := unmarshal(data, &servers); err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		server := servers[name]
		if len(server.Protocols) == 0 {
			hint := ""
			if server.REST != nil || server.GRPC != nil {
				hint = ` ("rest" and "grpc" are the form before Seldon Core 1.3)`
			}
			errs = append(errs, fmt.Errorf(`%s: write {"protocols": {"v2": {"image": "..."}}}%s`, name, hint))
		}
		if !v1.IsServer(name) {
			errs = append(errs, fmt.Errorf("%s is built into the executor: choose another name", name))
		}
		// In this order kfserving comes after its synonym v2, and counts.
		for _, protocol := range slices.Backward(slices.Sorted(maps.Keys(server.Protocols))) {
			entry := server.Protocols[protocol]
			wire := v1.Protocol(protocol).Canonical()
			switch {
			case protocol == "" || !wire.Valid():
				errs = append(errs, fmt.Errorf("%s: protocol %q is unknown: want seldon, tensorflow, v2 or kfserving", name, protocol))
			case entry.Image == "":
				errs = append(errs, fmt.Errorf("%s: protocol %s has no image", name, protocol))
			default:
				c.ServerImages[ServerImage{name, string(wire)}] = versioned(entry.Image, entry.DefaultImageVersion)
			}
		}
	}
	return errors.Join(errs...)
}

// versioned names an image with its version: a tag, or a digest such as
// sha256:0123.
func versioned(image, version string) string {
	switch {
	case version == "":
		return image
	case strings.HasPrefix(version, "sha256:"), strings.HasPrefix(version, "sha512:"):
		return image + "@" + version
	}
	return image + ":" + version
}

func (c *Config) readStorage(data []byte) error {
	var storage struct {
		Image         string `json:"image"`
		CPURequest    string `json:"cpuRequest"`
		CPULimit      string `json:"cpuLimit"`
		MemoryRequest string `json:"memoryRequest"`
		MemoryLimit   string `json:"memoryLimit"`
	}
	if err := unmarshal(data, &storage); err != nil {
		return err
	}
	to := &c.Expand.Storage
	return setAll(
		part{text("image", &to.Image, ""), storage.Image},
		part{quantity("cpuRequest", &to.Resources.Requests, corev1.ResourceCPU, ""), storage.CPURequest},
		part{quantity("cpuLimit", &to.Resources.Limits, corev1.ResourceCPU, ""), storage.CPULimit},
		part{quantity("memoryRequest", &to.Resources.Requests, corev1.ResourceMemory, ""), storage.MemoryRequest},
		part{quantity("memoryLimit", &to.Resources.Limits, corev1.ResourceMemory, ""), storage.MemoryLimit},
	)
}

func (c *Config) readExplainer(data []byte) error {
	var explainer struct {
		Image   string `json:"image"`
		ImageV2 string `json:"image_v2"`
	}
	if err := unmarshal(data, &explainer); err != nil {
		return err
	}
	return setAll(
		part{text("image", &c.Expand.ExplainerImage, ""), explainer.Image},
		part{text("image_v2", &c.Expand.ExplainerImageV2, ""), explainer.ImageV2},
	)
}

func (c *Config) readCredentials(data []byte) error {
	var credentials struct {
		GCS struct {
			File string `json:"gcsCredentialFileName"`
		} `json:"gcs"`
		S3 struct {
			KeyID    string `json:"s3AccessKeyIDName"`
			Key      string `json:"s3SecretAccessKeyName"`
			Endpoint string `json:"s3Endpoint"`
			UseHTTPS string `json:"s3UseHttps"`
		} `json:"s3"`
	}
	if err := unmarshal(data, &credentials); err != nil {
		return err
	}
	to := &c.Expand.Storage.Credentials
	return setAll(
		part{text("gcsCredentialFileName", &to.GCSFile, ""), credentials.GCS.File},
		part{text("s3AccessKeyIDName", &to.S3KeyID, ""), credentials.S3.KeyID},
		part{text("s3SecretAccessKeyName", &to.S3Key, ""), credentials.S3.Key},
		part{text("s3Endpoint", &to.S3Endpoint, ""), credentials.S3.Endpoint},
		part{text("s3UseHttps", &to.S3UseHTTPS, ""), credentials.S3.UseHTTPS},
	)
}

// part is a field of a section with the value that it was given.
type part struct {
	field field
	value string
}

func setAll(parts ...part) error {
	var errs []error
	for _, p := range parts {
		if p.value == "" {
			continue
		}
		if err := p.field.set(p.value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.field.name, err))
		}
	}
	return errors.Join(errs...)
}

// unmarshal says where JSON breaks.
func unmarshal(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := string(text[:min(int(syntax.Offset), len(text))])
		return fmt.Errorf("line %d: %w", 1+strings.Count(before, "\n"), err)
	}
	return err
}
