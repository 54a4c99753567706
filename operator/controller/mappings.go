package controller

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// mappings remembers what the API server calls the kinds that are written: a
// client asks for that before each write, which is a part of what a write costs.
// What is not served is not remembered.
type mappings struct {
	meta.RESTMapper
	found sync.Map
}

// RESTMapping implements [meta.RESTMapper].
func (m *mappings) RESTMapping(gk schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	if len(versions) != 1 {
		return m.RESTMapper.RESTMapping(gk, versions...)
	}
	kind := gk.WithVersion(versions[0])
	if found, ok := m.found.Load(kind); ok {
		return found.(*meta.RESTMapping), nil
	}
	found, err := m.RESTMapper.RESTMapping(gk, versions...)
	if err == nil {
		m.found.Store(kind, found)
	}
	return found, err
}
