package training_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// tfJob is a job of two parameter servers and two workers, with more fields of its
// specification and of its metadata.
func tfJob(spec, metadata string) string {
	template := "template: {spec: {containers: [{name: tensorflow, image: trainer}]}}"
	return fmt.Sprintf(`
apiVersion: kubeflow.org/v1
kind: TFJob
metadata: {name: dist%s}
spec:
  %s
  tfReplicaSpecs:
    PS: {replicas: 2, restartPolicy: Never, %s}
    worker: {replicas: 2, restartPolicy: ExitCode, %s}
`, metadata, spec, template, template)
}

const allPods = "dist-ps-0 dist-ps-1 dist-worker-0 dist-worker-1"

// A job goes through its states by what the kubelet says of its pods. When it has
// ended, pods that run go, and their Services; what has ended stays to be read.
func TestAJobFromBeginningToEnd(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.apply(tfJob("cleanPodPolicy: Running\n  cleanPodPolcy: All", ""))
	w.awaitPods(allPods)
	if s := w.await("dist", kubeflow.JobCreated); !strings.Contains(message(s, kubeflow.JobCreated), "radiant.io/strategy") ||
		!strings.Contains(message(s, kubeflow.JobCreated), "spec.cleanPodPolcy: unknown field cleanPodPolcy; did you mean cleanPodPolicy?") || message(s, kubeflow.JobRunning) != "" {
		t.Errorf("conditions are %+v: Created should warn of parameter servers without a strategy", s.Conditions)
	}
	if got := w.names(&corev1.ServiceList{}); got != allPods {
		t.Errorf("Services are %s", got)
	}
	w.runs("dist-ps-0", "dist-ps-1", "dist-worker-1", "dist-worker-0")
	s := w.await("dist", kubeflow.JobRunning)
	if s.StartTime == nil || s.CompletionTime != nil {
		t.Errorf("times are %v and %v", s.StartTime, s.CompletionTime)
	}
	w.ends("dist-worker-0", 0)
	s = w.await("dist", kubeflow.JobSucceeded)
	if message(s, kubeflow.JobRunning) != "" || s.CompletionTime == nil {
		t.Errorf("a job that succeeded is %+v", s)
	}
	w.awaitPods("dist-worker-0")
	w.eventually(func() string {
		if got := w.names(&corev1.ServiceList{}); got != "dist-worker-0" {
			return "Services are " + got
		}
		return ""
	})
	// A Service goes whose pod had gone before it, as when the operator ended between.
	stays := &corev1.Service{}
	if err := w.Get(t.Context(), client.ObjectKey{Name: "dist-worker-0"}, stays); err != nil {
		t.Fatal(err)
	}
	left := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "dist-ps-1", Labels: stays.Labels, OwnerReferences: stays.OwnerReferences},
		Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone},
	}
	if err := w.Create(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		if got := w.names(&corev1.ServiceList{}); got != "dist-worker-0" {
			return "Services are " + got
		}
		return ""
	})
	if got := w.status("dist"); got.ReplicaStatuses[kubeflow.Worker].Succeeded != 1 || got.ReplicaStatuses[kubeflow.PS].Active != 2 {
		t.Errorf("a finished job's status has changed: %+v", got.ReplicaStatuses)
	}
}

// By ExitCode a signal makes a pod anew, and counts; any other code fails the job,
// which says which pod it was and why.
func TestExitCodesDecide(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.apply(tfJob("runPolicy: {cleanPodPolicy: None}", ""))
	w.awaitPods(allPods)
	w.runs("dist-ps-0", "dist-ps-1", "dist-worker-0", "dist-worker-1")
	w.await("dist", kubeflow.JobRunning)
	before := w.pod("dist-worker-1").UID
	w.ends("dist-worker-1", 137)
	s := w.await("dist", kubeflow.JobRestarting)
	if m := message(s, kubeflow.JobRestarting); s.Restarts != 1 || m != "TFJobRestarting: dist-worker-1 failed with exit code 137" {
		t.Errorf("%d restarts: %s", s.Restarts, m)
	}
	w.eventually(func() string {
		p := &corev1.Pod{}
		if err := w.Get(t.Context(), client.ObjectKey{Name: "dist-worker-1"}, p); err != nil || p.UID == before {
			return "dist-worker-1 is not made anew"
		}
		return ""
	})
	w.runs("dist-worker-1")
	w.await("dist", kubeflow.JobRunning)
	w.ends("dist-worker-1", 1)
	s = w.await("dist", kubeflow.JobFailed)
	want := "TFJobFailed: dist-worker-1 failed with exit code 1; by its restartPolicy ExitCode only codes from 128 on start again"
	if m := message(s, kubeflow.JobFailed); m != want {
		t.Errorf("the job failed by %q, want %q", m, want)
	}
	if got := w.names(&corev1.PodList{}); got != allPods {
		t.Errorf("by None all pods stay; there are %s", got)
	}
}

// By radiant.io/restart all pods are made anew, also when one was deleted.
func TestAllWorkersAgain(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.apply(tfJob("", `, annotations: {radiant.io/restart: all, radiant.io/strategy: multiworkermirrored}`))
	w.awaitPods(allPods)
	if p := w.pod("dist-worker-0").Spec.RestartPolicy; p != corev1.RestartPolicyNever {
		t.Errorf("the kubelet would start a worker by %s", p)
	}
	for i, break1 := range []func(){
		func() { w.ends("dist-worker-1", 1) },
		func() {
			if err := w.Delete(t.Context(), w.pod("dist-worker-0")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		w.runs("dist-ps-0", "dist-ps-1", "dist-worker-0", "dist-worker-1")
		w.await("dist", kubeflow.JobRunning)
		w.eventually(func() string {
			if n := w.status("dist").ReplicaStatuses[kubeflow.Worker].Active; n != 2 {
				return fmt.Sprintf("%d workers are active", n)
			}
			return ""
		})
		before := map[string]bool{string(w.pod("dist-worker-0").UID): true, string(w.pod("dist-worker-1").UID): true}
		ps := w.pod("dist-ps-0").UID
		break1()
		w.eventually(func() string {
			list := &corev1.PodList{}
			if err := w.List(t.Context(), list); err != nil {
				t.Fatal(err)
			}
			n := 0
			for i := range list.Items {
				if strings.Contains(list.Items[i].Name, "worker") && !before[string(list.Items[i].UID)] {
					n++
				}
			}
			if n != 2 {
				return fmt.Sprintf("%d workers are new", n)
			}
			return ""
		})
		if s := w.status("dist"); int(s.Restarts) != i+1 {
			t.Errorf("after failure %d there are %d restarts: %+v", i+1, s.Restarts, s.Conditions)
		}
		if w.pod("dist-ps-0").UID != ps {
			t.Error("a parameter server that idles was made anew")
		}
	}
}

// A pod that somebody deletes is made anew where no policy says otherwise; one that
// is in the way is named.
func TestPodsThatAreGoneOrInTheWay(t *testing.T) {
	w := newWorld(t)
	inTheWay := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "dist-worker-1"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "x"}}}}
	if err := w.Create(t.Context(), inTheWay); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.apply(tfJob("", ""))
	w.eventually(func() string {
		list := &corev1.EventList{}
		if err := w.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			if list.Items[i].Message == "Pod dist-worker-1 is there already, and is not the job's" {
				return ""
			}
		}
		return "there is no event of the pod that is in the way"
	})
	if err := w.Delete(t.Context(), inTheWay); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		p := &corev1.Pod{}
		if err := w.Get(t.Context(), client.ObjectKey{Name: "dist-worker-1"}, p); err != nil || len(p.OwnerReferences) == 0 {
			return "the job's own dist-worker-1 is not there"
		}
		return ""
	})
	w.awaitPods(allPods)
	before := w.pod("dist-ps-1").UID
	if err := w.Delete(t.Context(), w.pod("dist-ps-1")); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		p := &corev1.Pod{}
		if err := w.Get(t.Context(), client.ObjectKey{Name: "dist-ps-1"}, p); err != nil || p.UID == before {
			return "dist-ps-1 is not made anew"
		}
		return ""
	})
}

// Another operator's start changes nothing of what is there.
func TestAStartWritesNothing(t *testing.T) {
	w := newWorld(t)
	_, stop := w.start()
	w.apply(tfJob("", ""))
	w.awaitPods(allPods)
	w.runs("dist-ps-0", "dist-ps-1", "dist-worker-0", "dist-worker-1")
	w.await("dist", kubeflow.JobRunning)
	w.eventually(func() string {
		if n := w.status("dist").ReplicaStatuses[kubeflow.Worker].Active; n != 2 {
			return fmt.Sprintf("%d workers are active", n)
		}
		return ""
	})
	stop()
	writes, stop := w.start()
	// The second one runs when it makes a job's pods.
	second := strings.ReplaceAll(tfJob("", ""), "dist", "other")
	w.apply(second)
	w.awaitPods(allPods + " " + strings.ReplaceAll(allPods, "dist", "other"))
	stop()
	for _, write := range writes() {
		if strings.Contains(write, "dist") {
			t.Errorf("the second operator sent %s", write)
		}
	}
}

// What is wrong with a job is its condition; when it is mended, it runs.
func TestInvalidJobs(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.apply(strings.Replace(tfJob("", ""), "worker:", "wroker:", 1))
	s := w.await("dist", kubeflow.JobFailed)
	if m := message(s, kubeflow.JobFailed); !strings.HasPrefix(m, "TFJobInvalid: ") || !strings.Contains(m, "wroker") {
		t.Errorf("the job failed by %q", m)
	}
	if got := w.names(&corev1.PodList{}); got != "" {
		t.Errorf("pods of an invalid job: %s", got)
	}
	w.apply(tfJob("", ""))
	w.awaitPods(allPods)
	w.eventually(func() string {
		if s := w.status("dist"); message(s, kubeflow.JobFailed) != "" || s.CompletionTime != nil {
			return fmt.Sprintf("the job has still failed: %+v", s)
		}
		return ""
	})
	// What does not fit the types stops no other job.
	odd := "{apiVersion: kubeflow.org/v1, kind: TFJob, metadata: {name: odd}, spec: {tfReplicaSpecs: %s}}"
	if err := w.tryApply(fmt.Sprintf(odd, "5")); err == nil || !strings.Contains(err.Error(), "tfReplicaSpecs") {
		t.Errorf("of replicas that are a number the API server says %v", err)
	}
	w.apply(fmt.Sprintf(odd, "{Worker: {replicas: two, template: 7}}"))
	if m := message(w.await("odd", kubeflow.JobFailed), kubeflow.JobFailed); !strings.Contains(m, "spec.tfReplicaSpecs[Worker].replicas") {
		t.Errorf("the job failed by %q", m)
	}
}

// A suspended job has no pods; when it goes on, its time begins anew.
func TestSuspendedJobs(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.apply(tfJob("runPolicy: {suspend: true}", ""))
	w.await("dist", kubeflow.JobSuspended)
	w.apply(tfJob("runPolicy: {suspend: false}", ""))
	w.awaitPods(allPods)
	w.apply(tfJob("runPolicy: {suspend: true}", ""))
	w.awaitPods("")
	s := w.await("dist", kubeflow.JobSuspended)
	if s.StartTime != nil {
		t.Errorf("a suspended job has begun at %s", s.StartTime)
	}
}

// Times: a job may run for so long, and stays for so long when it has ended.
func TestTimes(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.apply(tfJob("runPolicy: {activeDeadlineSeconds: 3, ttlSecondsAfterFinished: 5, cleanPodPolicy: All}", ""))
	s := w.await("dist", kubeflow.JobFailed)
	if m := message(s, kubeflow.JobFailed); m != "TFJobDeadlineExceeded: it ran for longer than activeDeadlineSeconds: 3" {
		t.Errorf("the job failed by %q", m)
	}
	if ran := s.CompletionTime.Sub(s.StartTime.Time); ran < 3*time.Second {
		t.Errorf("it ran for %s", ran)
	}
	w.eventually(func() string {
		if s := w.status("dist"); s != nil {
			return "the job is still there"
		}
		return ""
	})
	w.awaitPods("")
}

// An MPIJob of each version: what mpirun needs is there before the pods are, and
// the launcher's end is the job's.
func TestMPIJobs(t *testing.T) {
	w := newWorld(t)
	w.start()
	for _, version := range []string{"v1", "v1alpha2", "v2beta1"} {
		template := "template: {spec: {containers: [{name: mpi, image: trainer, command: [mpirun, -np, '2', train]}]}}"
		w.apply(fmt.Sprintf(`
apiVersion: kubeflow.org/%s
kind: MPIJob
metadata: {name: %s}
spec:
  %s
  slotsPerWorker: 1
  mpiReplicaSpecs: {Launcher: {replicas: 1, %s}, Worker: {replicas: 2, %s}}
`, version, version, map[string]string{"v2beta1": "runPolicy: {cleanPodPolicy: Running}"}[version], template, template))
		pods := fmt.Sprintf("%[1]s-launcher %[1]s-worker-0 %[1]s-worker-1", version)
		w.eventually(func() string {
			if got := w.names(&corev1.PodList{}); !strings.Contains(got, pods) {
				return "pods are " + got
			}
			return ""
		})
		for _, o := range []client.Object{
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: version + "-config"}}, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: version + "-ssh"}},
		} {
			if err := w.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
				t.Error(err)
			}
		}
		want := corev1.RestartPolicyNever
		if version == "v1alpha2" {
			want = corev1.RestartPolicyAlways
		}
		if got := w.pod(version + "-worker-0").Spec.RestartPolicy; got != want {
			t.Errorf("%s: workers restart by %s, want %s", version, got, want)
		}
		w.runs(version+"-worker-0", version+"-worker-1", version+"-launcher")
		w.await(version, kubeflow.JobRunning)
		w.ends(version+"-launcher", 0)
		w.await(version, kubeflow.JobSucceeded)
	}
	w.eventually(func() string {
		if got := w.names(&corev1.PodList{}); strings.Contains(got, "v2beta1-worker") || !strings.Contains(got, "v1-worker-0") {
			return "pods are " + got
		}
		return ""
	})
}
