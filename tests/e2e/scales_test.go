//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// byRequests is a predictor whose requests scale it, as a part of a manifest.
func byRequests(name, scaleSpec string, env ...string) string {
	vars := `{name: WORK, value: "0"}`
	for _, v := range env {
		key, value, _ := strings.Cut(v, "=")
		vars += fmt.Sprintf(", {name: %s, value: %q}", key, value)
	}
	return fmt.Sprintf(`
  - name: %s
    graph: {name: classifier, type: MODEL}
    componentSpecs:
    - scaleSpec: %s
      spec:
        containers:
        - name: classifier
          image: seldonio/mock_classifier_rest:1.3
          env: [%s]
          resources: {requests: {cpu: 10m, memory: 16Mi}}
`, name, scaleSpec, vars)
}

// scaled applies a deployment of such predictors.
func (w *world) scaled(name string, predictors ...string) {
	w.t.Helper()
	w.applyText(fmt.Sprintf("apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: %s}\nspec:\n  predictors:%s", name, strings.Join(predictors, "")))
	w.available(name)
}

// send asks at a URL over REST, with an id, on a connection of its own, and returns the
// error of an answer that is not right.
func send(ctx context.Context, url, puid string, answers *tally) error {
	body := strings.Replace(question, "{", fmt.Sprintf(`{"meta":{"puid":%q},`, puid), 1)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return answers.read(text)
}

func (w *world) url(deployment string) string {
	return fmt.Sprintf("http://%s/seldon/%s/%s/api/v1.0/predictions", gatewayREST(), w.namespace, deployment)
}

// atOnce sends so many requests at once, and returns what waits for their answers.
func (w *world) atOnce(deployment string, n int, answers *tally) (wait func() []error) {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			sent := time.Now()
			if errs[i] = send(ctx, w.url(deployment), fmt.Sprintf("%s-%d", deployment, i), answers); errs[i] != nil {
				w.t.Logf("request %d of %s failed after %.1f s: %v", i, deployment, time.Since(sent).Seconds(), errs[i])
			}
		})
	}
	return func() []error {
		all.Wait()
		return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	}
}

// told is what the model in a pod printed of its requests.
type told struct {
	// ids of requests, most is how many there were at once.
	ids  []string
	most string
}

// tell reads what the models of a deployment have printed, by pod.
func (w *world) tell(deployment string) map[string]told {
	w.t.Helper()
	all := map[string]told{}
	line := regexp.MustCompile(`puid=(\S+) now=(\d+)`)
	for _, pod := range w.podNames(podsOf(deployment)) {
		out, err := w.tryKubectl("logs", pod, "-c", "classifier")
		if err != nil {
			continue // It has not begun, or has gone.
		}
		one := told{}
		for _, found := range line.FindAllStringSubmatch(out, -1) {
			one.ids, one.most = append(one.ids, found[1]), max(one.most, found[2])
		}
		all[pod] = one
	}
	return all
}

// eachHasOne expects that so many pods have a request each.
func (w *world) eachHasOne(deployment string, n int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d pods have a request each", n), func() error {
		all := w.tell(deployment)
		for pod, one := range all {
			if len(one.ids) != 1 || one.most != "1" {
				return fmt.Errorf("%d pods, of which %s has %+v", len(all), pod, one)
			}
		}
		if len(all) != n {
			return fmt.Errorf("%d pods: %+v", len(all), all)
		}
		return nil
	})
}

// release lets the models of a deployment answer that have a request.
func (w *world) release(deployment string) {
	for pod, has := range w.tell(deployment) {
		if len(has.ids) == 0 {
			continue // It may not listen yet.
		}
		w.kubectl("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:9000/proxy/release", w.namespace, pod))
	}
}

// Five requests that are held, where a pod takes one, are five pods with one each; of
// two predictors with half of the requests each, as many as each has. None fails.
func TestHeldRequestsArePods(t *testing.T) {
	long.Only(t)
	t.Parallel()
	w := newWorld(t, "held")
	const one = "{maxReplicas: 8, containerConcurrency: 1, target: 1}"
	w.scaled("five", byRequests("default", one, "HOLD=5m", "TELL=true"))
	began := time.Now()
	wait := w.atOnce("five", 5, newTally(0))
	w.eachHasOne("five", 5)
	t.Logf("five held requests were in five pods after %.1f s", time.Since(began).Seconds())
	w.release("five")
	if errs := wait(); len(errs) > 0 {
		t.Errorf("of five requests these failed: %v", errs)
	}
	w.delete("five")

	half := func(name string) string {
		return byRequests(name, one, "HOLD=5m", "TELL=true") + "    traffic: 50\n"
	}
	w.scaled("halves", half("first"), half("second"))
	began = time.Now()
	wait = w.atOnce("halves", 6, newTally(0))
	w.eachHasOne("halves", 6)
	t.Logf("six held requests to two predictors were in six pods after %.1f s: %d and %d", time.Since(began).Seconds(),
		len(w.podNames(podsOf("halves")+",version=first")), len(w.podNames(podsOf("halves")+",version=second")))
	w.release("halves")
	if errs := wait(); len(errs) > 0 {
		t.Errorf("of six requests these failed: %v", errs)
	}
	w.delete("halves")
}

// A deployment without pods answers the first request, whichever way it comes: over
// REST and over gRPC through the gateway, and at the address of its Service.
func TestFromZero(t *testing.T) {
	long.Only(t)
	t.Parallel()
	w := newWorld(t, "from-zero")
	w.scaled("lazy", byRequests("default", "{minReplicas: 0, initialScale: 0, window: 40s, scaleToZeroGracePeriod: 0s}"))
	if pods := w.podNames(podsOf("lazy")); len(pods) > 0 {
		t.Errorf("a deployment that is to begin without pods has %v", pods)
	}
	answers := newTally(0)
	rest, rpc := w.rest("lazy", answers), w.rpc("lazy", answers)
	address := w.kubectl("get", "service", "lazy-default", "-o", "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}")
	for _, way := range []struct {
		name string
		ask  request
	}{
		{"REST", rest}, {"gRPC", rpc},
		{"the Service", func(ctx context.Context) error {
			return send(ctx, "http://"+address+"/api/v1.0/predictions", "inside", answers)
		}},
	} {
		w.zero("lazy")
		first, own := w.coldStart("lazy", way.ask)
		t.Logf("by %s: answered after %.2f s; the pod was ready %.2f s after it was made: %.2f x", way.name, first.Seconds(), own.Seconds(), first.Seconds()/own.Seconds())
	}
	w.zero("lazy")
	w.eventually("it is said", func() error {
		return mentions(w.kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.reason}: {.message}{\"\\n\"}{end}"), "Woken: lazy-default-0-classifier: by a REST request", "by a gRPC request", "ScaledToZero")
	})
	w.delete("lazy")
}

// A small model of scikit-learn answers its first request at zero as soon as its pod is
// ready.
func TestColdStart(t *testing.T) {
	long.Only(t)
	t.Parallel()
	const most = 1.3
	w := newWorld(t, "cold-start")
	w.models(map[string]stores.Files{"samples": stores.Folder(t, "../../samples", "")})
	w.applyText(`
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris}
spec:
  predictors:
  - name: main
    componentSpecs: [{scaleSpec: {minReplicas: 0, initialScale: 0}}]
    graph: {name: classifier, implementation: SKLEARN_SERVER, modelUri: "gs://samples/iris-sklearn/model"}
`)
	w.available("iris")
	w.zero("iris")
	body := read(t, "../../samples/iris-sklearn/request.json")
	first, own := w.coldStart("iris", func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url("iris"), strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return fmt.Errorf("%s: %w", resp.Status, err)
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", resp.Status, text)
		}
		return mentions(string(text), "ndarray")
	})
	ratio := first.Seconds() / own.Seconds()
	t.Logf("a small model of scikit-learn: answered after %.2f s; the pod was ready %.2f s after it was made: %.2f x", first.Seconds(), own.Seconds(), ratio)
	if ratio > most {
		t.Errorf("the first answer took %.2f times as long as the pod, want %v at most", ratio, most)
	}
	w.delete("iris")
}

// zero waits until a deployment has no pods, and none that ends.
func (w *world) zero(deployment string) {
	w.t.Helper()
	w.eventually(deployment+" has no pods", func() error {
		if pods := w.podNames(podsOf(deployment)); len(pods) > 0 {
			return fmt.Errorf("there are %v", pods)
		}
		return nil
	})
}

// coldStart asks a deployment that has no pods. It returns when the answer came, and
// how long the pod itself needed from when it was made until it was ready.
func (w *world) coldStart(deployment string, ask request) (first, own time.Duration) {
	w.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: w.client.Scheme()})
	if err != nil {
		w.t.Fatal(err)
	}
	pods, err := c.Watch(w.t.Context(), &corev1.PodList{}, client.InNamespace(w.namespace), client.MatchingLabels{"seldon-deployment-id": deployment})
	if err != nil {
		w.t.Fatal(err)
	}
	defer pods.Stop()
	took := make(chan time.Duration, 1)
	go func() {
		var made time.Time
		for e := range pods.ResultChan() {
			if e.Type == watch.Added && made.IsZero() {
				made = time.Now()
			}
			if p, ok := e.Object.(*corev1.Pod); ok && isReady(p) {
				took <- time.Since(made)
				return
			}
		}
	}()
	began := time.Now()
	if err := ask(w.t.Context()); err != nil {
		w.t.Fatalf("the first request: %v", err)
	}
	first = time.Since(began)
	select {
	case own = <-took:
	case <-time.After(patience):
		w.t.Fatal("no pod became ready")
	}
	return first, own
}

// 200 requests at once at zero: each is answered, and arrives once.
func TestManyAtZero(t *testing.T) {
	long.Only(t)
	t.Parallel()
	const all = 200
	w := newWorld(t, "many-at-zero")
	// What the pods printed is read while they are there.
	w.scaled("many", byRequests("default", "{minReplicas: 0, maxReplicas: 3, initialScale: 0, target: 20, window: 5m}", "TELL=true", "HOLD=50ms"))
	w.zero("many")
	began := time.Now()
	if errs := w.atOnce("many", all, newTally(0))(); len(errs) > 0 {
		t.Errorf("%d of %d requests failed: %v", len(errs), all, errs[0])
	}
	t.Logf("%d requests at zero were answered in %.1f s", all, time.Since(began).Seconds())
	w.eventually("each request has arrived once", func() error {
		arrived := map[string]int{}
		for _, one := range w.tell("many") {
			for _, id := range one.ids {
				arrived[id]++
			}
		}
		for id, n := range arrived {
			if n != 1 {
				t.Fatalf("request %s arrived %d times", id, n)
			}
		}
		if len(arrived) != all {
			return fmt.Errorf("%d of %d requests arrived", len(arrived), all)
		}
		return nil
	})
	w.delete("many")
}

// What nobody asks has no pods after its window and grace period; then nothing of ours
// writes anything about it for a minute.
func TestIdleIsQuiet(t *testing.T) {
	long.Only(t)
	t.Parallel()
	const window, grace, about, quiet = 10 * time.Second, 5 * time.Second, 10 * time.Second, time.Minute
	w := newWorld(t, "idle-is-quiet")
	w.scaled("idle", byRequests("default", fmt.Sprintf("{minReplicas: 0, window: %s, scaleToZeroGracePeriod: %s}", window, grace)))
	ask := w.rest("idle", newTally(0))
	w.eventually("the gateway answers", func() error { return ask(t.Context()) })
	last := time.Now()
	w.eventually("no pod is asked for", func() error {
		d := &appsv1.Deployment{}
		if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "idle-default-0-classifier"}, d); err != nil {
			return err
		}
		if *d.Spec.Replicas != 0 {
			return errors.New("there is one")
		}
		return nil
	})
	took := time.Since(last)
	t.Logf("no pods %.1f s after the last answer; window and grace period are %s", took.Seconds(), window+grace)
	if off := took - window - grace; off < -about || off > about {
		t.Errorf("no pods %s after the last answer, want %s, give or take %s", took, window+grace, about)
	}
	w.zero("idle")
	versions := func() string {
		return w.kubectl("get", "sdep,deployments,replicasets,services,endpointslices,pods,events", "--sort-by=.metadata.name",
			"-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`)
	}
	const settled = 5 * time.Second
	w.eventually("the status tells of the end of the pod", func() error {
		before := versions()
		time.Sleep(settled)
		if after := versions(); after != before {
			return fmt.Errorf("objects have changed from\n%s\nto\n%s", before, after)
		}
		return nil
	})
	from, before := time.Now(), versions()
	time.Sleep(quiet)
	if after := versions(); after != before || !strings.Contains(before, "Deployment/idle-default-0-classifier") {
		t.Errorf("in a minute in which nobody asked objects have changed from\n%s\nto\n%s", before, after)
	}
	// A write that changes nothing is seen there alone.
	log := os.Getenv("RADIANT_E2E_AUDIT")
	if log == "" {
		w.delete("idle")
		return
	}
	if writes := w.writes(log, from, from.Add(quiet)); len(writes) > 0 {
		t.Errorf("written in a minute in which nobody asked: %q", writes)
	}
	if writes := w.writes(log, last.Add(-patience), from); len(writes) == 0 {
		t.Error("nothing was noted before either")
	}
	w.delete("idle")
}

// writes are those of the programs of Radiant in the namespace in a span of time, as
// the API server notes them.
func (w *world) writes(log string, from, to time.Time) []string {
	w.t.Helper()
	f, err := os.Open(log)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	var all []string
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return all // The last line may be half written.
		}
		var e struct {
			Verb           string                                                  `json:"verb"`
			User           struct{ Username string }                               `json:"user"`
			ObjectRef      struct{ Namespace, Resource, Name, Subresource string } `json:"objectRef"`
			StageTimestamp time.Time                                               `json:"stageTimestamp"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			w.t.Fatalf("%v: %s", err, line)
		}
		if e.ObjectRef.Namespace == w.namespace && strings.HasPrefix(e.User.Username, "system:serviceaccount:seldon-system:") &&
			e.StageTimestamp.After(from) && e.StageTimestamp.Before(to) {
			all = append(all, fmt.Sprintf("%s %s %s/%s %s", e.StageTimestamp.Format(time.TimeOnly), e.Verb, e.ObjectRef.Resource, e.ObjectRef.Name, e.ObjectRef.Subresource))
		}
	}
}

// A limit that is added to what serves, and taken out again, costs no request.
func TestALimitComesAndGoes(t *testing.T) {
	long.Only(t)
	t.Parallel()
	w := newWorld(t, "limit")
	w.scaled("limit", byRequests("default", "{minReplicas: 1}"))
	loads := w.load("limit", newTally(0))
	patch := func(spec string) {
		w.kubectl("patch", "sdep", "limit", "--type=json", "-p", `[{"op": "replace", "path": "/spec/predictors/0/componentSpecs/0/scaleSpec", "value": `+spec+`}]`)
		w.available("limit")
	}
	selector := func() string {
		return w.kubectl("get", "service", "limit-default", "-o", "jsonpath={.spec.selector}")
	}
	patch(`{"minReplicas": 1, "maxReplicas": 2, "containerConcurrency": 20}`)
	w.eventually("all requests pass activators", func() error { return mentions(selector(), scaling.FrontOfNoPod) })
	time.Sleep(3 * time.Second)
	patch(`{"minReplicas": 1, "maxReplicas": 2}`)
	w.eventually("no activator is an endpoint", func() error {
		if slices := w.kubectl("get", "endpointslices", "-o", "name"); strings.Contains(slices, "activator") {
			return errors.New(slices)
		}
		return nil
	})
	time.Sleep(3 * time.Second)
	for _, l := range loads {
		l.stop(t)
	}
	w.delete("limit")
}
