//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/tests/kit/lines"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// refreshed is a deployment of the model of rents that looks for new versions; two at
// once, of the same server, fit on a small node.
const refreshed = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: %[1]s}
spec:
  predictors:
  - name: default
    graph: {name: rents, implementation: TENSORFLOW_SERVER, modelUri: "%[1]s://models/rents", modelRefresh: 5s}
`

// rentsModel has the versions of the sample for a store, under other numbers if need be.
func rentsModel(t *testing.T, version, as string) stores.Files {
	return stores.Folder(t, "../../samples/versions/model/"+version, "rents/"+as+"/")
}

// A version that is put into a bucket is served while requests come; one that is half
// written or broken is refused, and what serves goes on; and so it does when the bucket is
// away, which is said once. No request fails.
func TestNewVersionsInBuckets(t *testing.T) {
	long.Only(t)
	t.Parallel()
	w := newWorld(t, "refreshed")
	s3 := stores.StartS3At(t, here(), "models")
	s3.Put(t, "models", rentsModel(t, "3", "3"))
	gcs := stores.StartGCSAt(t, here(), map[string]stores.Files{"models": rentsModel(t, "3", "3")})
	env := s3.Env()
	maps.Copy(env, gcs)
	w.storesAre(env)
	puts := map[string]func(stores.Files){
		"s3": func(files stores.Files) { s3.Put(t, "models", files) },
		"gs": func(files stores.Files) { stores.PutGCS(t, gcs, "models", files) },
	}
	for _, store := range []string{"s3", "gs"} {
		w.applyText(fmt.Sprintf(refreshed, store))
	}
	for store, put := range puts {
		w.available(store)
		w.refreshes(store, put)
	}

	loads := w.loadOfRents("s3", &atomic.Int64{})
	s3.Stop()
	w.eventually("it is said that the bucket is away", func() error { return w.said("s3", discovery.StoreAway, "") })
	time.Sleep(time.Minute)
	times := int32(0)
	for _, e := range w.eventsOf("s3") {
		if e.Reason == discovery.StoreAway {
			times += max(e.Count, 1)
		}
	}
	if times != 1 {
		t.Errorf("that the bucket is away is said %d times", times)
	}
	s3.Start(t)
	w.eventually("the bucket is there again", func() error {
		if w.versions("s3", "", discovery.StoreAway) == nil {
			return errors.New("it is said to be away")
		}
		return w.versions("s3", "10", discovery.Serving)
	})
	for _, l := range loads {
		l.stop(t)
	}
	for store := range puts {
		w.delete(store)
	}
}

// refreshes puts versions into the store of a deployment that answers by version 3.
func (w *world) refreshes(deployment string, put func(stores.Files)) {
	w.t.Helper()
	var last atomic.Int64
	loads := w.loadOfRents(deployment, &last)
	answers := func(want int64) { w.t.Helper(); w.lastIs(&last, want) }
	answers(600)
	pods := w.podNames(podsOf(deployment))

	const weights = "rents/7/variables/variables.data-00000-of-00001"
	half, rest := rentsModel(w.t, "7", "7"), stores.Files{}
	rest[weights] = half[weights]
	delete(half, weights)
	put(half)
	w.eventually("the half is refused", func() error { return w.versions(deployment, "7", discovery.Refused) })
	answers(600)
	put(rest)
	whole := time.Now()
	answers(630)
	w.t.Logf("%s: version 7 answers %.1f s after it is whole", deployment, time.Since(whole).Seconds())

	broken := rentsModel(w.t, "3", "9")
	broken["rents/9/saved_model.pb"] = []byte("this is no graph")
	put(broken)
	w.eventually("what does not load is refused", func() error { return w.versions(deployment, "9", discovery.Refused) })
	answers(630)
	put(rentsModel(w.t, "3", "10"))
	whole = time.Now()
	answers(600)
	w.t.Logf("%s: version 10 answers %.1f s after it is whole", deployment, time.Since(whole).Seconds())
	w.eventually("it is said", func() error { return w.said(deployment, "VersionServing", "version 10 ") })
	for _, l := range loads {
		l.stop(w.t)
	}
	if now := w.podNames(podsOf(deployment)); fmt.Sprint(now) != fmt.Sprint(pods) {
		w.t.Errorf("%s: the pods are %v, were %v", deployment, now, pods)
	}
}

// lineModel is a deployment of a model of scikit-learn that looks for new versions, which
// MLServer is told of.
const lineModel = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: line}
spec:
  predictors:
  - name: default
    graph:
      name: line
      implementation: SKLEARN_SERVER
      modelUri: s3://models/line
      modelRefresh: 5s
      parameters: [{name: method, type: STRING, value: predict}]
`

// MLServer is told of a version that is put into a bucket, while requests come, and of none
// that is half written; one that it cannot load is refused, and what serves goes on. No
// request fails, and no pod is made.
func TestNewVersionsOfMLServer(t *testing.T) {
	long.Only(t)
	t.Parallel()
	models := t.TempDir()
	lines.Make(t, models, "3", "7", "10")
	w := newWorld(t, "told")
	s3 := stores.StartS3At(t, here(), "models")
	put := func(version, file string, content []byte) {
		t.Helper()
		s3.Put(t, "models", stores.Files{"line/" + version + "/" + file: content})
	}
	put("3", lines.File, lines.Read(t, models, "3"))
	w.storesAre(s3.Env())
	w.applyText(lineModel)
	w.available("line")
	var last atomic.Int64
	loads := w.loadOf("line", `{"data":{"ndarray":[[1]]}}`, &last)
	answers := func(want int64) { t.Helper(); w.lastIs(&last, want) }
	answers(3)
	pods := w.podNames(podsOf("line"))
	put("7", "notes.txt", []byte("the model follows"))
	w.eventually("the half is refused", func() error { return w.versions("line", "7", discovery.Refused) })
	put("7", lines.File, lines.Read(t, models, "7"))
	whole := time.Now()
	answers(7)
	t.Logf("version 7 answers %.1f s after it is whole", time.Since(whole).Seconds())
	put("9", lines.File, []byte("this is no model"))
	w.eventually("what does not load is refused", func() error { return w.versions("line", "9", discovery.Refused) })
	w.eventually("it is said", func() error { return w.said("line", "VersionRefused", "the server could not load it: ") })
	answers(7)
	put("10", lines.File, lines.Read(t, models, "10"))
	answers(10)
	w.eventually("it is said", func() error { return w.said("line", "VersionServing", "version 10 ") })
	for _, l := range loads {
		l.stop(t)
	}
	if now := w.podNames(podsOf("line")); fmt.Sprint(now) != fmt.Sprint(pods) {
		t.Errorf("the pods are %v, were %v", now, pods)
	}
	w.delete("line")
}

// startLine is a deployment of the same models by a server that is the user's own, and loads
// its model once, when it starts.
const startLine = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: start}
spec:
  predictors:
  - name: default
    replicas: 2
    progressDeadlineSeconds: 45
    graph:
      name: line
      type: MODEL
      endpoint: {type: REST, protocol: v2}
      modelUri: s3://models/line
      modelRefresh: 5s
    componentSpecs:
    - spec:
        containers:
        - name: line
          image: seldonio/mlserver:1.7.1-sklearn
          readinessProbe: {httpGet: {path: /v2/models/line/ready, port: http}, periodSeconds: 2}
          env:
          - {name: MLSERVER_HTTP_PORT, value: "9000"}
          - {name: MLSERVER_GRPC_PORT, value: "9500"}
          - {name: MLSERVER_MODEL_IMPLEMENTATION, value: mlserver_sklearn.SKLearnModel}
          - {name: MLSERVER_MODEL_NAME, value: line}
          - {name: MLSERVER_MODEL_URI, value: /mnt/models}
          - {name: MLSERVER_PARALLEL_WORKERS, value: "0"}
`

// Where a server loads its model once, pods are made anew, in turn, with a version that is put
// into a bucket, while requests come. One with which they are not ready is given up: the pods
// before go on, new ones get what these have, and the next version comes. No request fails.
func TestNewVersionsByNewPods(t *testing.T) {
	long.Only(t)
	t.Parallel()
	models := t.TempDir()
	lines.Make(t, models, "3", "7", "10")
	w := newWorld(t, "started")
	s3 := stores.StartS3At(t, here(), "models")
	put := func(version string, content []byte) {
		t.Helper()
		s3.Put(t, "models", stores.Files{"line/" + version + "/" + lines.File: content})
	}
	put("3", lines.Read(t, models, "3"))
	w.storesAre(s3.Env())
	w.applyText(startLine)
	w.available("start")
	var last atomic.Int64
	loads := w.loadOf("start", `{"data":{"ndarray":[[1]]}}`, &last)
	answers := func(want int64) { t.Helper(); w.lastIs(&last, want) }
	settled := func(version string) {
		t.Helper()
		w.eventually("all pods serve version "+version, func() error {
			for _, v := range w.deployment("start").Status.ModelVersions {
				if v.Version == version && v.State == discovery.Serving && v.Pods == 2 {
					return nil
				}
			}
			return fmt.Errorf("the versions are %+v", w.deployment("start").Status.ModelVersions)
		})
	}
	answers(3)
	settled("3")
	put("7", lines.Read(t, models, "7"))
	whole := time.Now()
	answers(7)
	t.Logf("version 7 answers first %.1f s after it is whole", time.Since(whole).Seconds())
	settled("7")
	t.Logf("all pods serve it after %.1f s", time.Since(whole).Seconds())
	put("9", []byte("this is no model"))
	w.eventually("it is given up", func() error { return w.versions("start", "9", discovery.Refused) })
	w.eventually("it is said", func() error { return w.said("start", "VersionStarting", "goes back to version 7") })
	pod := w.podNames(podsOf("start"))[0]
	w.kubectl("delete", "pod", pod, "--wait=false")
	settled("7")
	answers(7)
	put("10", lines.Read(t, models, "10"))
	answers(10)
	settled("10")
	for _, l := range loads {
		l.stop(t)
	}
	w.delete("start")
}

// loadOfRents asks a deployment of the sample of versions as loadOf does.
func (w *world) loadOfRents(deployment string, last *atomic.Int64) []*load {
	w.t.Helper()
	return w.loadOf(deployment, read(w.t, "../../samples/versions/request.json"), last)
}

// loadOf asks a deployment a hundred times a second over REST and twenty times over gRPC,
// and notes its last answer, which is a number.
func (w *world) loadOf(deployment, question string, last *atomic.Int64) []*load {
	w.t.Helper()
	note := func(answer []byte) error {
		var m struct {
			Data struct {
				NDArray [][]float64 `json:"ndarray"`
			}
		}
		if err := json.Unmarshal(answer, &m); err != nil || len(m.Data.NDArray) != 1 || len(m.Data.NDArray[0]) != 1 {
			return fmt.Errorf("the answer is %s", answer)
		}
		last.Store(int64(math.Round(m.Data.NDArray[0][0])))
		return nil
	}
	rest, rpc := w.restOf(deployment, question, note), w.rpcOf(deployment, question, note)
	w.eventually("REST answers", func() error { return rest(w.t.Context()) })
	w.eventually("gRPC answers", func() error { return rpc(w.t.Context()) })
	return []*load{startLoad(deployment+" REST", 20, 100, rest), startLoad(deployment+" gRPC", 20, 20, rpc)}
}

// lastIs waits until the last answer is this one.
func (w *world) lastIs(last *atomic.Int64, want int64) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("the answer is %d", want), func() error {
		if got := last.Load(); got != want {
			return fmt.Errorf("it is %d", got)
		}
		return nil
	})
}

// versions returns an error unless the status says what state a version is in.
func (w *world) versions(deployment, version, state string) error {
	all := w.deployment(deployment).Status.ModelVersions
	for _, v := range all {
		if v.Version == version && v.State == state {
			return nil
		}
	}
	return fmt.Errorf("the versions are %+v", all)
}

// eventsOf are the events about a deployment.
func (w *world) eventsOf(deployment string) []corev1.Event {
	w.t.Helper()
	var list corev1.EventList
	if err := w.client.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(e corev1.Event) bool { return e.InvolvedObject.Name != deployment })
}

// said returns an error unless there is an event about a deployment with a text in it.
func (w *world) said(deployment, reason, text string) error {
	w.t.Helper()
	var all []string
	for _, e := range w.eventsOf(deployment) {
		if e.Reason == reason && strings.Contains(e.Message, text) {
			return nil
		}
		all = append(all, e.Reason+": "+e.Message)
	}
	return fmt.Errorf("no event %s with %q, but %q", reason, text, all)
}
