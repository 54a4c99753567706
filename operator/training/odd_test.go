package training_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// A number of seconds that is larger than a duration can be is no limit, and not one
// that is over.
func TestADeadlineWithoutEnd(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.apply(tfJob("runPolicy: {activeDeadlineSeconds: 9999999999}", ""))
	w.awaitPods(allPods)
	w.runs("dist-ps-0", "dist-ps-1", "dist-worker-0", "dist-worker-1")
	if s := w.await("dist", kubeflow.JobRunning); message(s, kubeflow.JobFailed) != "" {
		t.Errorf("the job has failed: %+v", s.Conditions)
	}
}

// A job that succeeds while no operator runs has succeeded, whenever one looks again.
func TestSuccessThatNobodySaw(t *testing.T) {
	w := newWorld(t)
	_, stop := w.start()
	w.apply(tfJob("runPolicy: {activeDeadlineSeconds: 4}", ""))
	w.awaitPods(allPods)
	w.runs("dist-ps-0", "dist-ps-1", "dist-worker-0", "dist-worker-1")
	s := w.await("dist", kubeflow.JobRunning)
	stop()
	w.ends("dist-worker-0", 0)
	time.Sleep(time.Until(s.StartTime.Add(5 * time.Second)))
	w.start()
	w.await("dist", kubeflow.JobSucceeded)
}

// A pod that the API server refuses is told of, with its reason; the others are seen
// all the same, and the time of the job runs.
func TestAPodThatIsRefused(t *testing.T) {
	w := newWorld(t)
	w.start()
	job := tfJob("runPolicy: {activeDeadlineSeconds: 3}", "")
	last := strings.LastIndex(job, "image: trainer")
	w.apply(job[:last] + "image: trainer, volumeMounts: [{name: nowhere, mountPath: /data}]" + job[last+len("image: trainer"):])
	w.eventually(func() string {
		list := &corev1.EventList{}
		if err := w.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			if e := &list.Items[i]; e.Reason == "Refused" && strings.HasPrefix(e.Message, "Pod dist-worker-0 cannot be made: ") && strings.Contains(e.Message, "nowhere") {
				return ""
			}
		}
		return "there is no event of the pod that is refused"
	})
	w.await("dist", kubeflow.JobCreated)
	s := w.await("dist", kubeflow.JobFailed)
	if m := message(s, kubeflow.JobFailed); !strings.HasPrefix(m, "TFJobDeadlineExceeded") {
		t.Errorf("the job failed by %q", m)
	}
}

// A job whose conditions somebody else writes is run by that operator, and left alone.
func TestAJobOfAnotherOperator(t *testing.T) {
	w := newWorld(t)
	_, stop := w.start() // The definitions are there then.
	stop()
	w.apply(tfJob("", ""))
	w.runByOthers("dist")
	w.start()
	w.awaitEvents("dist", "Normal LeftToOthers: training-operator writes the status of this job, so Radiant leaves it alone")
	w.apply(tfJob("", ", labels: {a: b}")) // It is looked at again.
	w.apply(strings.ReplaceAll(tfJob("", ""), "dist", "next"))
	next := strings.ReplaceAll(allPods, "dist", "next")
	w.awaitPods(next)
	w.awaitEvents("dist", "Normal LeftToOthers: training-operator writes the status of this job, so Radiant leaves it alone")
	if pods := w.names(&corev1.PodList{}); pods != next {
		t.Errorf("pods are %s", pods)
	}
}

// A job that is deleted and made again waits for what the first one has left, and
// nobody is told of a name that is taken.
func TestAJobMadeAgain(t *testing.T) {
	w := newWorld(t)
	yes := true
	left := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "dist-worker-1", Finalizers: []string{"example.com/slowly"}, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "kubeflow.org/v1", Kind: "TFJob", Name: "dist", UID: "earlier", Controller: &yes}}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "x"}}},
	}
	if err := w.Create(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.apply(tfJob("", ""))
	w.eventually(func() string {
		if got := w.names(&corev1.ServiceList{}); got != allPods {
			return "Services are " + got
		}
		return ""
	})
	w.await("dist", kubeflow.JobCreated)
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(left), left); err != nil {
		t.Fatal(err)
	}
	left.Finalizers = nil
	if err := w.Update(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		p := &corev1.Pod{}
		if err := w.Get(t.Context(), client.ObjectKeyFromObject(left), p); err != nil || p.UID == left.UID {
			return "dist-worker-1 is not made anew"
		}
		return ""
	})
	list := &corev1.EventList{}
	if err := w.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if list.Items[i].Reason == "NameTaken" {
			t.Errorf("an event says %s", list.Items[i].Message)
		}
	}
}
