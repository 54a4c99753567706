package controller

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
)

// Settings are those in force: the environment's and the ConfigMap's. Where
// the ConfigMap cannot be used, the last one that could stays in use.
type Settings struct {
	environment config.Config
	shipped     manifests.Servers
	name        types.NamespacedName
	reader      client.Reader
	// changed is called with each ConfigMap that is read; err is not nil if its
	// settings cannot be used.
	changed func(*corev1.ConfigMap, error)

	mu sync.Mutex
	// version is that of the ConfigMap last read; "" for none.
	version string
	read    bool
	good    *InForce
	err     error
}

// InForce is a state of the settings. It is shared, so nobody may change it.
type InForce struct {
	Config  expand.Config
	Servers manifests.Servers
}

// Rules are those by which deployments are judged.
func (f *InForce) Rules() v1.ValidateOptions { return f.Config.Rules(f.Servers) }

// Current returns what is in force. It is nil as long as there is a ConfigMap
// that cannot be used, and there never was a good one: nothing may be made of
// deployments then, since what the broken one says may matter to them. The
// error is that of the newest ConfigMap, whether or not something is in force.
func (s *Settings) Current(ctx context.Context) (*InForce, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &corev1.ConfigMap{}
	if err := s.reader.Get(ctx, s.name, m); err != nil && !apierrors.IsNotFound(err) {
		return s.good, fmt.Errorf("reading ConfigMap %s: %w", s.name, err)
	}
	if s.read && s.version == m.ResourceVersion {
		return s.good, s.err
	}
	s.read, s.version = true, m.ResourceVersion
	merged, err := s.environment.WithConfigMap(m.Data)
	s.err = err
	if err == nil {
		s.good = &InForce{Config: merged.Expand, Servers: merged.Servers(s.shipped)}
	}
	s.changed(m, err)
	return s.good, s.err
}
