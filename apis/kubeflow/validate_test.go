package kubeflow_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
)

// read returns the jobs of a text, with all that is said of it.
func read(t *testing.T, text string) ([]kubeflow.Document, []string) {
	t.Helper()
	docs, problems, err := manifest.Read("f", strings.NewReader(text), kubeflow.ManifestKinds())
	var wrong manifest.Problems
	if err != nil && !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	problems = append(problems, wrong...)
	var jobs []kubeflow.Document
	for _, d := range docs {
		job, ok := kubeflow.DocumentOf(d)
		if !ok {
			t.Fatalf("%s is no job", d.Kind)
		}
		jobs = append(jobs, job)
		problems = append(problems, job.Validate()...)
	}
	problems.Sort()
	said := []string{}
	for _, p := range problems {
		said = append(said, p.Error())
	}
	return jobs, said
}

// tfHead and mpiHead are followed by the replicas of line 6 on.
const (
	tfHead  = "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: j}\nspec:\n  tfReplicaSpecs:\n"
	mpiHead = "apiVersion: kubeflow.org/v1alpha2\nkind: MPIJob\nmetadata: {name: j}\nspec:\n  mpiReplicaSpecs:\n"
	// train is the template of a TFJob's pods, mpi that of an MPIJob's.
	train = "template: {spec: {containers: [{name: tensorflow, image: i}]}}"
	mpi   = "template: {spec: {containers: [{name: main, image: i}]}}"
	// pair is an MPIJob that nothing is wrong with.
	pair = "    Launcher: {" + mpi + "}\n    Worker: {replicas: 2, " + mpi + "}\n"
)

// The article's manifests, as they are.
const (
	articleTFJob = `apiVersion: "kubeflow.org/v1"
kind: "TFJob"
metadata:
  name: "mnist-tf-job"
spec:
  tfReplicaSpecs:
    PS:
      replicas: 2
      restartPolicy: Never
      template:
        metadata:
          annotations:
            sidecar.istio.io/inject: "false"
        spec:
          containers:
            - name: tensorflow
              image: docker.io/tf-dist-mnist-test:1.0
    Worker:
      replicas: 2
      restartPolicy: Never
      template:
        metadata:
          annotations:
            sidecar.istio.io/inject: "false"
        spec:
          containers:
            - name: tensorflow
              image: docker.io/tf-dist-mnist-test:1.0
`
	articleMPIJob = `apiVersion: kubeflow.org/v1alpha2
kind: MPIJob
metadata:
  name: tensorflow-benchmarks
spec:
  slotsPerWorker: 1
  cleanPodPolicy: Running
  mpiReplicaSpecs:
    Launcher:
      replicas: 1
      template:
        spec:
          containers:
          - image: mpioperator/tensorflow-benchmarks:latest
            name: tensorflow-benchmarks
            command: [mpirun, --allow-run-as-root, -np, "2", python, scripts/tf_cnn_benchmarks/tf_cnn_benchmarks.py]
    Worker:
      replicas: 2
      template:
        spec:
          containers:
          - image: mpioperator/tensorflow-benchmarks:latest
            name: tensorflow-benchmarks
            resources:
              limits:
                nvidia.com/gpu: 1
`
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"the article's TFJob", articleTFJob, []string{"f:7:5: warning: spec.tfReplicaSpecs[PS]: with a PS and no Chief, programs of TensorFlow 2 fail in the PS pods and wait without end in the workers; write the annotation radiant.io/strategy: multiworkermirrored or parameterserver"}},
		{"with a strategy", strings.Replace(articleTFJob, "  name:", "  annotations: {radiant.io/strategy: multiworkermirrored}\n  name:", 1), nil},
		{"the article's MPIJob", articleMPIJob, nil},
		{"types in any case", tfHead + "    ps: {" + train + "}\n    CHIEF: {" + train + "}\n    worker: {" + train + "}\n", nil},
		{"an older version", strings.Replace(tfHead, "/v1\n", "/v1beta2\n", 1) + "    Worker: {" + train + "}\n", nil},
		{"the newest MPIJob", strings.Replace(mpiHead, "v1alpha2", "v2beta1", 1) + pair + "  sshAuthMountPath: /home/mpiuser/.ssh\n  cleanPodPolicy: Running\n", nil},

		{"no replicas", "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: j}\nspec: {}\n", []string{"f:4:1: error: spec.tfReplicaSpecs: the job has no pods; write Chief, Master, PS, Worker or Evaluator"}},
		{"no worker", tfHead + "    PS: {" + train + "}\n", []string{"f:5:3: error: spec.tfReplicaSpecs: nobody trains: write Worker with 1 replica or more, or a Chief"}},
		{"zero workers", tfHead + "    Worker:\n      replicas: 0\n      " + train + "\n", []string{"f:7:17: error: spec.tfReplicaSpecs[Worker].replicas: nobody trains: write Worker with 1 replica or more, or a Chief"}},
		{"an unknown type", tfHead + "    Workers: {" + train + "}\n    Chief: {" + train + "}\n", []string{"f:6:5: error: spec.tfReplicaSpecs[Workers]: a TFJob has no replicas of the type Workers; use Chief, Master, PS, Worker or Evaluator (did you mean Worker?)"}},
		{"two chiefs", tfHead + "    Chief:\n      replicas: 2\n      " + train + "\n", []string{"f:7:17: error: spec.tfReplicaSpecs[Chief].replicas: a job has one chief, and this makes 2 of them; write 1"}},
		{"chief and master", tfHead + "    Chief: {" + train + "}\n    Master: {" + train + "}\n", []string{"f:7:5: error: spec.tfReplicaSpecs[Master]: Master is the older name of Chief, so that the job has two of them; leave one out"}},
		{"twice the same type", tfHead + "    Worker: {" + train + "}\n    worker: {" + train + "}\n", []string{"f:7:5: error: spec.tfReplicaSpecs[worker]: worker is the same type as Worker; write it once"}},
		{"container not tensorflow", tfHead + "    Worker:\n      template:\n        spec:\n          containers:\n          - name: trainer\n            image: i\n", []string{`f:10:19: error: spec.tfReplicaSpecs[Worker].template.spec.containers[0].name: no container is called tensorflow, the name by which it is known which one trains; rename "trainer"`}},
		{"no image", tfHead + "    Worker: {template: {spec: {containers: [{name: tensorflow}]}}}\n", []string{`f:6:45: error: spec.tfReplicaSpecs[Worker].template.spec.containers[0].image: the container "tensorflow" has no image`}},
		{"an unknown restartPolicy", tfHead + "    Worker: {restartPolicy: onFailure, " + train + "}\n", []string{`f:6:29: error: spec.tfReplicaSpecs[Worker].restartPolicy: nothing is known of the restartPolicy "onFailure"; use Never, OnFailure, Always or ExitCode (did you mean OnFailure?)`}},
		{"a misspelt strategy", strings.Replace(tfHead, "name: j", `name: j, annotations: {radiant.io/strategy: parameter-servers}`, 1) + "    Worker: {" + train + "}\n", []string{`f:3:56: error: metadata.annotations[radiant.io/strategy]: nothing is known of the strategy "parameter-servers"; use multiworkermirrored or parameterserver (did you mean parameterserver?)`}},
		{"a misspelt restart", strings.Replace(tfHead, "name: j", `name: j, annotations: {radiant.io/restart: al}`, 1) + "    Worker: {" + train + "}\n", []string{`f:3:55: error: metadata.annotations[radiant.io/restart]: nothing is known of the value "al"; use all`}},
		{"no worker left", strings.Replace(tfHead, "name: j", `name: j, annotations: {radiant.io/strategy: parameterserver}`, 1) + "    Worker: {" + train + "}\n    PS: {" + train + "}\n", []string{"f:3:56: error: metadata.annotations[radiant.io/strategy]: parameterserver makes worker 0 the chief, so that no worker is left; write 2 replicas of Worker or more, or a Chief"}},
		{"a name too long", strings.Replace(tfHead, "name: j", "name: "+strings.Repeat("j", 56), 1) + "    Worker: {" + train + "}\n", []string{`f:3:18: error: metadata.name: pods and Services are named after the job, and "` + strings.Repeat("j", 56) + `-worker-0" is no name of a Service: use lower case letters, digits and -, a letter first, 63 in all at most`}},
		{"policies in both places", tfHead + "    Worker: {" + train + "}\n  cleanPodPolicy: All\n  runPolicy: {cleanPodPolicy: None, backoffLimit: -1}\n", []string{
			"f:7:19: warning: spec.cleanPodPolicy: spec.runPolicy.cleanPodPolicy says something else, and counts: None; leave one of them out",
			"f:8:51: error: spec.runPolicy.backoffLimit: -1 is negative; write 0 or more"}},
		{"unknown version", strings.Replace(tfHead, "/v1\n", "/v1alpha1\n", 1) + "    Worker: {" + train + "}\n", []string{`f:1:13: error: apiVersion: "kubeflow.org/v1alpha1" is not a version of TFJob; write kubeflow.org/v1`}},
		{"a misspelt kind", "apiVersion: kubeflow.org/v1\nkind: TfJob\nmetadata: {name: j}\n", []string{`f:2:7: error: kind: kind "TfJob" does not exist in kubeflow.org; write TFJob`}},
		{"another kind of the group", "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: j}\n", []string{"f:1:1: note: PyTorchJob j skipped: only a TFJob or MPIJob is read"}},
		{"more pods than can be told of each other", tfHead + "    PS: {" + train + "}\n    worker: {replicas: 100000, " + train + "}\n", []string{
			"f:6:5: warning: spec.tfReplicaSpecs[PS]: with a PS and no Chief, programs of TensorFlow 2 fail in the PS pods and wait without end in the workers; write the annotation radiant.io/strategy: multiworkermirrored or parameterserver",
			"f:7:24: error: spec.tfReplicaSpecs[worker].replicas: the job would have 100001 pods; the most of one TFJob are 1000: write less"}},
		{"more pods than an int32 counts", tfHead + "    Chief: {" + train + "}\n    Worker: {replicas: 2147483647, " + train + "}\n", []string{"f:7:24: error: spec.tfReplicaSpecs[Worker].replicas: the job would have 2147483648 pods; the most of one TFJob are 1000: write less"}},
		{"more ranks than one file tells of", mpiHead + "    Launcher: {" + mpi + "}\n    Worker: {replicas: 10000, " + mpi + "}\n", []string{"f:7:24: error: spec.mpiReplicaSpecs[Worker].replicas: the job would have 10001 pods; the most of one MPIJob are 10000: write less"}},
		{"a misspelt field", tfHead + "    Worker: {replica: 2, " + train + "}\n", []string{"f:6:14: warning: spec.tfReplicaSpecs[Worker].replica: unknown field replica; did you mean replicas?"}},

		{"no slots", mpiHead + pair + "  slotsPerWorker: 0\n", []string{"f:8:19: error: spec.slotsPerWorker: with 0 slots no worker takes a rank; write 1 or more"}},
		{"two launchers", mpiHead + "    Launcher:\n      replicas: 2\n      " + mpi + "\n    Worker: {" + mpi + "}\n", []string{"f:7:17: error: spec.mpiReplicaSpecs[Launcher].replicas: an MPIJob has 1 launcher, and this makes 2; write 1"}},
		{"no launcher", mpiHead + "    Worker: {" + mpi + "}\n", []string{"f:5:3: error: spec.mpiReplicaSpecs: nobody starts the ranks; write Launcher with 1 replica, whose command is mpirun"}},
		{"no MPI worker", mpiHead + "    Launcher: {" + mpi + "}\n", []string{"f:5:3: error: spec.mpiReplicaSpecs: no worker takes a rank; write Worker with 1 replica or more"}},
		{"fields of v1alpha2 in v2beta1", strings.Replace(mpiHead, "v1alpha2", "v2beta1", 1) + pair + "  mainContainer: main\n  backoffLimit: 1\n  mpiDistribution: open_mpi\n", []string{
			"f:8:18: error: spec.mainContainer: is a field of kubeflow.org/v1alpha2 or kubeflow.org/v1, and the job is written in v2beta1: ranks run in the first container of the workers; leave it out",
			"f:9:17: error: spec.backoffLimit: is a field of kubeflow.org/v1alpha2 or kubeflow.org/v1, and the job is written in v2beta1: write it as spec.runPolicy.backoffLimit",
			"f:10:20: error: spec.mpiDistribution: is a field of kubeflow.org/v1alpha2, and the job is written in v2beta1: write mpiImplementation: OpenMPI, Intel or MPICH, which is of v2beta1"}},
		{"fields of v2beta1 in v1alpha2", mpiHead + pair + "  sshAuthMountPath: /root/.ssh\n", []string{"f:8:21: error: spec.sshAuthMountPath: is a field of kubeflow.org/v2beta1, and the job is written in v1alpha2: ssh finds its keys without it; leave it out"}},
		{"no worker, but a launcher that works", strings.Replace(mpiHead, "v1alpha2", "v2beta1", 1) + "    Launcher: {" + mpi + "}\n    Worker: {replicas: 0, " + mpi + "}\n  runLauncherAsWorker: true\n", nil},
		{"a launcher that does not", strings.Replace(mpiHead, "v1alpha2", "v2beta1", 1) + "    Launcher: {" + mpi + "}\n  runLauncherAsWorker: false\n", []string{"f:5:3: error: spec.mpiReplicaSpecs: no worker takes a rank; write Worker with 1 replica or more"}},
		{"a name as long as that of a launcher may be", strings.Replace(mpiHead, "name: j", "name: "+strings.Repeat("j", 54), 1) + pair, nil},
		{"a name longer than that", strings.Replace(mpiHead, "name: j", "name: "+strings.Repeat("j", 55), 1) + pair, []string{`f:3:18: error: metadata.name: pods and Services are named after the job, and "` + strings.Repeat("j", 55) + `-launcher" is no name of a Service: use lower case letters, digits and -, a letter first, 63 in all at most`}},
		{"an implementation in v1alpha2", mpiHead + pair + "  mpiImplementation: Intel\n", []string{"f:8:22: error: spec.mpiImplementation: is a field of kubeflow.org/v2beta1, and the job is written in v1alpha2: in v1alpha2 write mpiDistribution: open_mpi, intel_mpi or mpich; in v1 the launch line decides, and it is left out"}},
		{"an unknown main container", mpiHead + pair + "  mainContainer: mian\n", []string{`f:8:18: error: spec.mainContainer: mpiReplicaSpecs[Worker] has no container "mian"; use main (did you mean main?)`}},
		{"a launcher that never ends", mpiHead + strings.Replace(pair, "{template", "{restartPolicy: Always, template", 1), []string{"f:6:31: error: spec.mpiReplicaSpecs[Launcher].restartPolicy: a launcher that is restarted whenever it ends never ends; write OnFailure or Never"}},
		{"what cannot be read is told once", tfHead + "    Worker:\n      replicas: two\n      " + train + "\n", []string{`f:7:17: error: spec.tfReplicaSpecs[Worker].replicas: expected a whole number, found the text "two"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := read(t, c.text)
			if diff := cmp.Diff(append([]string{}, c.want...), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestDefault: what operators of the version take for granted.
func TestDefault(t *testing.T) {
	for _, c := range []struct {
		name, text string
		check      func(kubeflow.Parts) bool
	}{
		{"names and numbers", tfHead + "    worker: {" + train + "}\n", func(p kubeflow.Parts) bool {
			w := p.Replicas[kubeflow.Worker]
			return len(p.Replicas) == 1 && w != nil && *w.Replicas == 1 && w.RestartPolicy == kubeflow.RestartNever
		}},
		{"a TFJob cleans up", tfHead + "    Worker: {" + train + "}\n", func(p kubeflow.Parts) bool { return p.Run.CleanPodPolicy == kubeflow.CleanRunning }},
		{"the outer place", tfHead + "    Worker: {" + train + "}\n  cleanPodPolicy: All\n  backoffLimit: 3\n", func(p kubeflow.Parts) bool {
			return p.Run.CleanPodPolicy == kubeflow.CleanAll && *p.Run.BackoffLimit == 3
		}},
		{"the inner place counts", tfHead + "    Worker: {" + train + "}\n  cleanPodPolicy: All\n  runPolicy: {cleanPodPolicy: None}\n", func(p kubeflow.Parts) bool {
			return p.Run.CleanPodPolicy == kubeflow.CleanNone && p.Policies.CleanPodPolicy == kubeflow.CleanNone
		}},
		{"an MPIJob of v1alpha2", mpiHead + pair, func(p kubeflow.Parts) bool {
			return p.Run.CleanPodPolicy == kubeflow.CleanNone && p.Replicas[kubeflow.Launcher].RestartPolicy == kubeflow.RestartOnFailure &&
				p.Replicas[kubeflow.Worker].RestartPolicy == kubeflow.RestartAlways
		}},
		{"an MPIJob of v1", strings.Replace(mpiHead, "v1alpha2", "v1", 1) + pair, func(p kubeflow.Parts) bool {
			return p.Replicas[kubeflow.Worker].RestartPolicy == kubeflow.RestartNever
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			jobs, said := read(t, c.text)
			if len(jobs) != 1 {
				t.Fatalf("%d jobs; said: %v", len(jobs), said)
			}
			job := jobs[0].Job
			kubeflow.Default(job)
			if !c.check(job.Parts()) {
				t.Errorf("got %+v", job)
			}
			if job.GetNamespace() != "default" {
				t.Errorf("namespace %q", job.GetNamespace())
			}
		})
	}
}
