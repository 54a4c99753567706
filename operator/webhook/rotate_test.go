package webhook_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/operator/webhook"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// patience bounds each wait.
const patience = 2 * time.Minute

var server *apiserver.Server

func TestMain(m *testing.M) {
	var err error
	server, err = apiserver.Start(apiserver.Options{})
	if err == nil {
		err = server.Install(context.Background(), crd.YAML())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// clock is set by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// world is a webhook that the API server asks, in a namespace of its own.
type world struct {
	client.Client
	namespace, configuration string
	port                     int
	clock                    *clock
}

// lifetimes are such that all certificates of a renewal are good at one time,
// the machine's: the API server has no other clock.
var lifetimes = webhook.Lifetimes{Authority: 60 * time.Hour, Serving: 60 * time.Hour, Overlap: 4 * time.Hour}

// begin is the clock's first time; the machine's is reached 55 hours later.
func begin() time.Time { return time.Now().Add(-55 * time.Hour) }

func newWorld(t *testing.T, port int) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(server.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "hook-"}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	w := &world{Client: c, namespace: namespace.Name, configuration: "hook-of-" + namespace.Name, port: port, clock: &clock{now: begin()}}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "cert", Namespace: w.namespace}}
	if err := c.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), w.hook()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Delete(context.Background(), w.hook()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// hook asks about the namespace's deployments, and lets nothing through that
// could not be asked about.
func (w *world) hook() *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: w.configuration},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:                    "v1.vseldondeployment.kb.io",
			AdmissionReviewVersions: []string{"v1"},
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL: new(fmt.Sprintf("https://127.0.0.1:%d%s", w.port, webhook.Path("v1"))),
			},
			FailurePolicy:     new(admissionregistrationv1.Fail),
			MatchPolicy:       new(admissionregistrationv1.Equivalent),
			SideEffects:       new(admissionregistrationv1.SideEffectClassNone),
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{v1.Group}, APIVersions: []string{"v1"}, Resources: []string{"seldondeployments"},
				},
			}},
		}},
	}
}

func (w *world) rotator() *webhook.Rotator {
	return &webhook.Rotator{
		Client: w.Client, Secret: types.NamespacedName{Namespace: w.namespace, Name: "cert"}, Configuration: w.configuration,
		Hosts: []string{"127.0.0.1"}, Lifetimes: lifetimes, Clock: w.clock.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// serve runs the webhook until the test ends.
func serve(t *testing.T, r *webhook.Rotator, l net.Listener) *webhook.Server {
	t.Helper()
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := &webhook.Server{
		Rotator: r,
		Handler: webhook.Handler(func(context.Context) (v1.ValidateOptions, error) {
			return new(expand.DefaultConfig()).Rules(servers), nil
		}, log),
		Listen: func() (net.Listener, error) { return l, nil }, Interval: 50 * time.Millisecond, Log: log,
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the webhook ended with %v", err)
		}
	})
	return s
}

func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, l.Addr().(*net.TCPAddr).Port
}

const deployment = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris}
spec:
  predictors:
  - name: default
    graph: {name: classifier, implementation: SKLEARN_SERVER, modelUri: "gs://models/iris"}
`

func parse(t *testing.T, namespace, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	u.SetNamespace(namespace)
	return u
}

// refused reports whether the webhook, and nothing else, refuses what is wrong.
func (w *world) refused(t *testing.T) error {
	t.Helper()
	wrong := parse(t, w.namespace, strings.Replace(deployment, "SKLEARN_SERVER", "SKLEARN", 1))
	err := w.Create(t.Context(), wrong, client.DryRunAll)
	if err == nil || !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "denied the request") {
		return fmt.Errorf("wrong deployment: error is %w", err)
	}
	return w.Create(t.Context(), parse(t, w.namespace, deployment), client.DryRunAll)
}

// eventually waits until the webhook does its work.
func (w *world) eventually(t *testing.T, what string) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = w.refused(t); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// state is what is shared and published.
type state struct{ bundle, serving string }

func (w *world) state(t *testing.T) state {
	t.Helper()
	var secret corev1.Secret
	if err := w.Get(t.Context(), types.NamespacedName{Namespace: w.namespace, Name: "cert"}, &secret); err != nil {
		t.Fatal(err)
	}
	var hook admissionregistrationv1.ValidatingWebhookConfiguration
	if err := w.Get(t.Context(), types.NamespacedName{Name: w.configuration}, &hook); err != nil {
		t.Fatal(err)
	}
	return state{string(hook.Webhooks[0].ClientConfig.CABundle), string(secret.Data[corev1.TLSCertKey])}
}

func authorities(bundle string) int { return strings.Count(bundle, "BEGIN CERTIFICATE") }

// TestRenewal takes a webhook through the life of an authority, with the API
// server asking at each step.
func TestRenewal(t *testing.T) {
	l, port := listen(t)
	w := newWorld(t, port)
	r := w.rotator()
	s := serve(t, r, l)
	w.eventually(t, "the first certificate")
	if err := s.Ready(nil); err != nil {
		t.Error(err)
	}
	first := w.state(t)
	for _, c := range []struct {
		at time.Duration
		// authorities are trusted then; renewed: what is served is new.
		authorities int
		renewed     bool
	}{
		{39 * time.Hour, 1, false},
		{41 * time.Hour, 2, false}, // The next authority is published.
		{44 * time.Hour, 2, false},
		{46 * time.Hour, 2, true}, // It signs.
		{51 * time.Hour, 1, true}, // The old one is dropped.
	} {
		w.clock.set(begin().Add(c.at))
		for range 3 { // What was published in one look counts in the next.
			if err := r.Sync(t.Context()); err != nil {
				t.Fatalf("after %s: %v", c.at, err)
			}
		}
		got := w.state(t)
		if n := authorities(got.bundle); n != c.authorities {
			t.Errorf("after %s: %d authorities are trusted, want %d", c.at, n, c.authorities)
		}
		if renewed := got.serving != first.serving; renewed != c.renewed {
			t.Errorf("after %s: what is served is new: %t, want %t", c.at, renewed, c.renewed)
		}
		// The API server sees a change of its configuration a moment later, but
		// what is served must suit the configuration before it too.
		if err := w.refused(t); err != nil {
			t.Errorf("after %s: %v", c.at, err)
		}
	}
}

// TestReplicasAgree lets several replicas start at once, and renew at once.
func TestReplicasAgree(t *testing.T) {
	l, port := listen(t)
	w := newWorld(t, port)
	replicas := make([]*webhook.Rotator, 4)
	for i := range replicas {
		replicas[i] = w.rotator()
	}
	for _, at := range []time.Duration{0, 41 * time.Hour, 46 * time.Hour} {
		w.clock.set(begin().Add(at))
		for range 3 {
			var all sync.WaitGroup
			for _, r := range replicas {
				all.Go(func() {
					if err := r.Sync(t.Context()); err != nil {
						t.Errorf("after %s: %v", at, err)
					}
				})
			}
			all.Wait()
		}
		want, err := replicas[0].Certificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range replicas {
			if got, err := r.Certificate(nil); err != nil || !got.Leaf.Equal(want.Leaf) {
				t.Errorf("after %s: replica %d serves another certificate, error %v", at, i, err)
			}
		}
	}
	serve(t, replicas[3], l)
	w.eventually(t, "the certificate of several replicas")
}

// TestNothingIsWrittenInBetween holds that a look at what is good writes
// nothing.
func TestNothingIsWrittenInBetween(t *testing.T) {
	_, port := listen(t)
	w := newWorld(t, port)
	r := w.rotator()
	versions := func() string {
		var secret corev1.Secret
		var hook admissionregistrationv1.ValidatingWebhookConfiguration
		if err := w.Get(t.Context(), r.Secret, &secret); err != nil {
			t.Fatal(err)
		}
		if err := w.Get(t.Context(), types.NamespacedName{Name: w.configuration}, &hook); err != nil {
			t.Fatal(err)
		}
		return secret.ResourceVersion + " " + hook.ResourceVersion
	}
	if err := r.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := versions()
	for range 5 {
		if err := r.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := versions(); after != before {
		t.Errorf("versions were %s and are %s", before, after)
	}
}

// TestCertificateOfSomebodyElse serves what cert-manager keeps, and leaves it
// and the configuration alone.
func TestCertificateOfSomebodyElse(t *testing.T) {
	l, port := listen(t)
	w := newWorld(t, port)
	own := w.rotator()
	if err := own.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	var made corev1.Secret
	if err := w.Get(t.Context(), own.Secret, &made); err != nil {
		t.Fatal(err)
	}
	given := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "given", Namespace: w.namespace}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: made.Data[corev1.TLSCertKey], corev1.TLSPrivateKeyKey: made.Data[corev1.TLSPrivateKeyKey]},
	}
	if err := w.Create(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	r := w.rotator()
	r.Secret.Name = "given"
	w.clock.set(begin().Add(59 * time.Hour)) // Long due, if it were ours.
	serve(t, r, l)
	w.eventually(t, "the given certificate")
	var after corev1.Secret
	if err := w.Get(t.Context(), r.Secret, &after); err != nil {
		t.Fatal(err)
	}
	if after.ResourceVersion != given.ResourceVersion {
		t.Error("the given Secret was written")
	}
}

func TestMissingSecretIsNamed(t *testing.T) {
	_, port := listen(t)
	w := newWorld(t, port)
	r := w.rotator()
	r.Secret.Name = "absent"
	if err := r.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), `secrets "absent" not found`) {
		t.Errorf("error is %v", err)
	}
	if _, err := r.Certificate(nil); err == nil {
		t.Error("there is a certificate all the same")
	}
}
