package controller_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/operator/controller"
)

// TestVersionsInTheStatus: what pods find of new versions of their models is in the
// status, with an event where something became of one; nothing is written while nothing
// changes.
func TestVersionsInTheStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	var said atomic.Pointer[discovery.Report]
	var asked, unchanged atomic.Int32
	executor := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		report := said.Load()
		if report == nil || r.URL.Path != discovery.PathReport {
			http.Error(rw, "not yet", http.StatusServiceUnavailable)
			return
		}
		text, err := json.Marshal(report)
		if err != nil {
			t.Error(err)
		}
		etag := fmt.Sprintf("\"%x\"", sha256.Sum256(text))
		rw.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			unchanged.Add(1)
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = rw.Write(text)
	}))
	t.Cleanup(executor.Close)
	op := w.start(func(o *controller.Options) {
		o.VersionsEvery = 20 * time.Millisecond
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != "10.0.0.7:8000" && address != "10.0.0.8:8000" {
				t.Errorf("%s is asked", address)
			}
			return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(executor.URL, "http://"))
		}
	})
	w.serveAll()
	w.apply(fmt.Sprintf(versioned, "", "modelRefresh: 60s"))
	w.awaitState("rents", v1.StatusAvailable)
	set := w.replicaSet(versionedWorkload)
	for name, ip := range map[string]string{"one": "10.0.0.7", "two": "10.0.0.8"} {
		w.podAt(set, name, ip)
	}
	says := func(store string, versions ...discovery.Version) {
		said.Store(&discovery.Report{Nodes: []discovery.Node{{Node: "clf", Store: store, Versions: versions}}})
	}
	wants := func(want ...v1.ModelVersionStatus) {
		t.Helper()
		w.eventually(func() string {
			got := w.deployment("rents").Status.ModelVersions
			return cmp.Diff(want, got, cmp.Comparer(func(a, b metav1.Time) bool { return a.Equal(&b) }))
		})
	}
	since := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	second := metav1.NewTime(since.Truncate(time.Second))
	serving := discovery.Version{Version: "7", State: discovery.Serving, Since: since}
	servingStatus := v1.ModelVersionStatus{Predictor: "main", Node: "clf", Version: "7", State: "Serving", Pods: 2, Since: second}
	says("", serving)
	wants(servingStatus)
	w.awaitEvent("rents", "VersionServing", "version 7")

	says("", serving, discovery.Version{Version: "10", State: discovery.Refused, Since: since, Reason: "NoMemory", Message: "it needs 3 GB"})
	refused := v1.ModelVersionStatus{Predictor: "main", Node: "clf", Version: "10", State: "Refused", Pods: 2, Since: second, Reason: "NoMemory", Message: "it needs 3 GB"}
	wants(servingStatus, refused)
	w.awaitEvent("rents", "VersionRefused", "it needs 3 GB")
	says("", serving, discovery.Version{Version: "11", State: discovery.Refused, Since: since, Reason: "NoMemory", Message: "it needs 4 GB"})
	refused.Version, refused.Message = "11", "it needs 4 GB"
	wants(servingStatus, refused)
	w.awaitEvent("rents", "VersionRefused", "it needs 4 GB")
	if d := w.deployment("rents"); d.Status.State != v1.StatusAvailable {
		t.Errorf("the deployment is %s, though what serves goes on", d.Status.State)
	}

	before, rounds := len(op.writes.list("")), unchanged.Load()
	w.eventually(func() string {
		if n := unchanged.Load() - rounds; n < 40 {
			return fmt.Sprintf("the pods were asked %d times", n)
		}
		return ""
	})
	if now := op.writes.list(""); len(now) != before {
		t.Errorf("nothing changed, and this was written: %v", now[before:])
	}
	op.stop()
	again := w.start(func(o *controller.Options) { o.VersionsEvery = time.Hour }) // It asks nobody that answers.
	w.apply(fmt.Sprintf(versioned, "replicas: 2", "modelRefresh: 60s"))
	w.awaitState("rents", v1.StatusAvailable)
	wants(servingStatus, refused)
	again.stop()

	w.start(func(o *controller.Options) {
		o.VersionsEvery = 20 * time.Millisecond
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(executor.URL, "http://"))
		}
	})
	says("503 Slow Down", serving)
	wants(v1.ModelVersionStatus{Predictor: "main", Node: "clf", State: "StoreAway", Pods: 2, Message: "503 Slow Down"}, servingStatus)
	w.awaitEvent("rents", "StoreAway", "503 Slow Down")
	w.apply(fmt.Sprintf(versioned, "replicas: 2", ""))
	wants()
}
