package config

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/prime-radiant/radiant/expand"
)

const envPreStop = "PREDICTIVE_UNIT_PRE_STOP"

// sleepEverywhere is the version of an API server whose nodes all know the hook
// that sleeps: they know it since 1.30, and may be three versions behind.
const sleepEverywhere = "1.33"

// imagesMounted is the version of API servers from which on they take volumes of the kind
// image unless somebody switched that off. What kubelets do that are older is not known here.
const imagesMounted = "1.35"

// For returns the settings for a cluster. What the cluster may be too old for
// is not used, unless somebody set it.
func (c Config) For(cluster *rest.Config) (Config, error) {
	client, err := discovery.NewDiscoveryClientForConfig(cluster)
	if err != nil {
		return Config{}, err
	}
	info, err := client.ServerVersion()
	if err != nil {
		return Config{}, fmt.Errorf("asking the API server for its version: %w", err)
	}
	v, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return Config{}, fmt.Errorf("the API server's version: %w", err)
	}
	return c.at(v), nil
}

// at returns the settings for an API server of a version.
func (c Config) at(v *version.Version) Config {
	if _, set := c.Environment[envPreStop]; !set && v.LessThan(version.MustParseGeneric(sleepEverywhere)) {
		c.Expand.Units.PreStop = expand.PreStopShell
	}
	c.Expand.Storage.WithoutImageVolumes = v.LessThan(version.MustParseGeneric(imagesMounted))
	return c
}
