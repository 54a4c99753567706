package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
)

const configMapUsage = "file with an installation's ConfigMap " + config.ConfigMapName + ", whose servers and images count"

// installed returns the settings with those of the ConfigMap in file, if one is
// named, and the servers that there are then.
func installed(settings config.Config, file string) (config.Config, manifests.Servers, error) {
	servers, err := manifests.Load()
	if err != nil {
		return config.Config{}, manifests.Servers{}, err
	}
	if file != "" {
		data, err := readConfigMap(file)
		if err != nil {
			return config.Config{}, manifests.Servers{}, err
		}
		if settings, err = settings.WithConfigMap(data); err != nil {
			return config.Config{}, manifests.Servers{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	return settings, settings.Servers(servers), nil
}

// readConfigMap returns the data of the ConfigMap among a file's documents.
func readConfigMap(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the ConfigMap: %w", err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), len(text)+1)
	for {
		var m corev1.ConfigMap
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("reading the ConfigMap: %s holds no ConfigMap named %s", file, config.ConfigMapName)
		case err != nil:
			return nil, fmt.Errorf("reading the ConfigMap: %s: %w", file, err)
		case m.Kind == "ConfigMap" && m.Name == config.ConfigMapName:
			return m.Data, nil
		}
	}
}
