package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object paths=. paths=../../graph

// GroupVersion returns the version that objects are stored and handled in.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: Group, Version: Version}
}

// Versions lists all versions that users write, the stored one first. Their
// schemas are the same, so an object of one is an object of each.
func Versions() []string { return []string{Version, "v1alpha3", "v1alpha2"} }

// AddToScheme registers the kinds under [GroupVersion]. A typed client
// needs a scheme with one version alone: it refuses a Go type that is registered
// under several.
func AddToScheme(s *runtime.Scheme) error {
	addVersion(s, GroupVersion())
	return nil
}

// AddAllVersionsToScheme registers the kinds under every version of
// [Versions], for decoders that meet objects as users wrote them.
func AddAllVersionsToScheme(s *runtime.Scheme) error {
	for _, v := range Versions() {
		addVersion(s, schema.GroupVersion{Group: Group, Version: v})
	}
	return nil
}

func addVersion(s *runtime.Scheme, gv schema.GroupVersion) {
	s.AddKnownTypes(gv, &SeldonDeployment{}, &SeldonDeploymentList{})
	metav1.AddToGroupVersion(s, gv)
}
