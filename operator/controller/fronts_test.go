package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/prime-radiant/radiant/expand"
	requests "github.com/prime-radiant/radiant/scaling"
)

// TestServicesLeadAsAPlanKnowsThem: what is changed of a Service is changed of all of
// it, be the plan new or one of which only a glance is kept.
func TestServicesLeadAsAPlanKnowsThem(t *testing.T) {
	service := func(annotations map[string]string) *corev1.Service {
		return &corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "n", Labels: map[string]string{"l": "1"}, Annotations: annotations},
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeClusterIP, Selector: map[string]string{"some": "pod"},
				Ports: []corev1.ServicePort{{Name: "http", Port: 8000, TargetPort: intstr.FromInt32(8000)}},
			},
		}
	}
	front := map[string]string{requests.AnnotationFront: `{"selector": {"app": "model"}, "always": true}`, "of": "the user"}
	for name, test := range map[string]struct {
		want *corev1.Service
		live map[string]string
	}{
		"the limit is new":       {service(front), map[string]string{AnnotationHash: "of before"}},
		"the limit is gone":      {service(map[string]string{"of": "the user"}), map[string]string{requests.AnnotationFrontServed: "20007"}},
		"it is served":           {service(front), map[string]string{requests.AnnotationFrontServed: "20007", requests.AnnotationFrontPort: "20007"}},
		"it never had any limit": {service(nil), nil},
	} {
		made, err := Prepare(test.want)
		if err != nil {
			t.Fatal(err)
		}
		kept := made.light(func(ref) (expand.Object, error) { return service(test.want.Annotations), nil })
		live := service(test.live)
		var texts []string
		for _, d := range []Desired{made, kept} {
			d, err := d.asServed(live)
			if err != nil {
				t.Fatal(err)
			}
			o, err := d.Object()
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, d.hash+"\n"+asYAML(t, o))
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: a kept plan applies\n%s\nwant\n%s", name, texts[1], texts[0])
		}
	}
}
