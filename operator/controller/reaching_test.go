package controller_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
)

// asking lets an operator ask a gateway at an address.
func asking(address string, answer, settle time.Duration) func(*controller.Options) {
	return func(o *controller.Options) {
		withIngress(o)
		o.Environment.Expand.Ingress["INGRESS_ADDRESS"] = address
		o.Answer, o.Settle = answer, settle
	}
}

// awaitCondition returns when a condition of the deployment is as it should be.
func (w *world) awaitCondition(name, kind string, status metav1.ConditionStatus, reason string) v1.Condition {
	w.Helper()
	var found v1.Condition
	w.eventually(func() string {
		d := w.deployment(name)
		for _, c := range d.Status.Conditions {
			if c.Type == kind && c.Status == status && c.Reason == reason && c.ObservedGeneration == d.Generation {
				found = c
				return ""
			}
		}
		return fmt.Sprintf("%s is not %s, %s: %+v", kind, status, reason, d.Status.Conditions)
	})
	return found
}

// TestReadyWaitsForTheGateway, which needs a moment to learn of the pods, and
// not for one that leads there already.
func TestReadyWaitsForTheGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	var status atomic.Int32
	status.Store(http.StatusServiceUnavailable)
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/seldon/"+w.namespace+"/model/ready" {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		rw.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(gateway.Close)
	op := w.start(asking(gateway.URL, time.Minute, 0))
	w.apply(model)
	w.awaitCondition("model", v1.ConditionReachable, metav1.ConditionUnknown, "WaitingForDeployments")
	w.serveAll()
	w.awaitCondition("model", v1.ConditionDeployments, metav1.ConditionTrue, "Ready")
	c := w.awaitCondition("model", v1.ConditionReady, metav1.ConditionFalse, "Asking")
	if want := "pods are ready, and Ingress is asked whether it leads to them"; c.Message != want {
		t.Errorf("the message is %q, want %q", c.Message, want)
	}
	time.Sleep(time.Second)
	writes := len(op.writes.list("/status"))
	time.Sleep(time.Second)
	if more := op.writes.list("/status")[writes:]; len(more) > 0 || w.deployment("model").Status.State != v1.StatusCreating {
		t.Errorf("while it is asked, the state is %s, and these were written: %v", w.deployment("model").Status.State, more)
	}
	status.Store(http.StatusOK)
	w.awaitState("model", v1.StatusAvailable)
	w.awaitCondition("model", v1.ConditionReachable, metav1.ConditionTrue, "Ready")

	op.stop()
	status.Store(http.StatusServiceUnavailable) // Nobody looks any more.
	again := w.start(asking(gateway.URL, time.Minute, 0))
	w.awaitPass(again)
	if sent := again.writes.list("/status"); len(sent) > 0 || w.deployment("model").Status.State != v1.StatusAvailable {
		t.Errorf("after a restart the state is %s, and these were written: %v", w.deployment("model").Status.State, sent)
	}
	w.apply(strings.Replace(model, "image: \"mock:1\"", "image: \"mock:2\"", 1))
	w.awaitState("model", v1.StatusAvailable)
}

// awaitPass returns when an operator has looked at all deployments.
func (w *world) awaitPass(op *operator) {
	w.Helper()
	w.apply(strings.ReplaceAll(model, "name: model", "name: later"))
	w.eventually(func() string {
		if len(op.writes.list("deployments/later")) == 0 {
			return "a later deployment was not served"
		}
		return ""
	})
	if err := w.Delete(w.Context(), w.deployment("later")); err != nil {
		w.Fatal(err)
	}
	op.writes.forget("later")
}

// TestReadyDoesNotWaitForEver: the status says what did not answer, or why it
// was not asked.
func TestReadyDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	nowhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(nowhere.Close)
	for name, test := range map[string]struct {
		address, reason, said string
	}{
		"silent":  {nowhere.URL, "NoAnswer", "was answered 404 Not Found. The deployment counts as ready after 1.5s all the same"},
		"unknown": {"", "NotAsked", "Ingress: the status of Ingress model has no address; INGRESS_ADDRESS can. The deployment counts as ready after 1s, without"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, server)
			w.start(asking(test.address, 1500*time.Millisecond, time.Second))
			w.serveAll()
			w.apply(model)
			w.awaitCondition("model", v1.ConditionReady, metav1.ConditionFalse, "Asking")
			w.awaitState("model", v1.StatusAvailable)
			c := w.awaitCondition("model", v1.ConditionReachable, metav1.ConditionUnknown, test.reason)
			if !strings.Contains(c.Message, test.said) {
				t.Errorf("the message is %q, want %q in it", c.Message, test.said)
			}
		})
	}
}
