package train_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/train"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

// jobs reads the valid jobs of a text.
func jobs(t *testing.T, text string) []kubeflow.Job {
	t.Helper()
	docs, problems, err := manifest.Read("jobs.yaml", strings.NewReader(text), kubeflow.ManifestKinds())
	if err != nil || len(problems) > 0 || len(docs) == 0 {
		t.Fatalf("%d jobs, error %v, problems %v", len(docs), err, problems)
	}
	all := make([]kubeflow.Job, len(docs))
	for i := range docs {
		d, _ := kubeflow.DocumentOf(docs[i])
		if err := d.Validate().Err(); err != nil {
			t.Fatal(err)
		}
		all[i] = d.Job
	}
	return all
}

func expanded(t *testing.T, job kubeflow.Job) []expand.Object {
	t.Helper()
	before := job.DeepCopyObject()
	objects, err := train.Expand(job)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, job.DeepCopyObject()); diff != "" {
		t.Errorf("Expand changed the job, -before +after:\n%s", diff)
	}
	return objects
}

func podsOf(objects []expand.Object) (pods []*corev1.Pod) {
	for _, o := range objects {
		if pod, ok := o.(*corev1.Pod); ok {
			pods = append(pods, pod)
		}
	}
	return pods
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configOf is the value of TF_CONFIG in a container, "-" where there is none.
func configOf(c *corev1.Container) string {
	found := "-"
	for _, e := range c.Env {
		if e.Name == train.TFConfig {
			found = e.Value
		}
	}
	return found
}

// TestTFConfig compares with what the training-operator v1.8.1 of Kubeflow put
// into the pods of twelve jobs. The expected file was written by that program.
func TestTFConfig(t *testing.T) {
	var got strings.Builder
	all := jobs(t, readFile(t, "tfconfig.in.yaml"))
	if len(all) != 12 {
		t.Errorf("%d jobs", len(all))
	}
	for _, job := range all {
		for _, pod := range podsOf(expanded(t, job)) {
			for i := range pod.Spec.Containers {
				c := &pod.Spec.Containers[i]
				fmt.Fprintf(&got, "%s %s %s\n", pod.Name, c.Name, configOf(c))
			}
		}
	}
	if diff := cmp.Diff(readFile(t, "tfconfig.out.txt"), got.String()); diff != "" {
		t.Errorf("-Kubeflow +Radiant:\n%s", diff)
	}
}

// TestStrategies: what TensorFlow 2 needs to be told to train at all.
func TestStrategies(t *testing.T) {
	const template = "template: {spec: {containers: [{name: tensorflow, image: i, command: [python, train.py], env: [{name: TF_CONFIG, value: old}]}]}}"
	address := func(pod string) string { return `"j-` + pod + `.ns.svc:2222"` }
	config := func(cluster, of string, index int) string {
		return fmt.Sprintf(`{"cluster":{%s},"task":{"type":%q,"index":%d},"environment":"cloud"}`, cluster, of, index)
	}
	workers := `"worker":[` + address("worker-0") + "," + address("worker-1") + "]"
	parameters := `"chief":[` + address("worker-0") + `],"ps":[` + address("ps-0") + `],"worker":[` + address("worker-1") + "]"
	withChief := `"chief":[` + address("chief-0") + `],"ps":[` + address("ps-0") + `],` + workers
	for _, c := range []struct {
		name, strategy, chief string
		want                  map[string]string
	}{
		{"workers among themselves", "multiworkermirrored", "", map[string]string{
			"j-ps-0": "old", "j-worker-0": config(workers, "worker", 0), "j-worker-1": config(workers, "worker", 1)}},
		{"worker 0 is the chief", "parameterserver", "", map[string]string{
			"j-ps-0": config(parameters, "ps", 0), "j-worker-0": config(parameters, "chief", 0), "j-worker-1": config(parameters, "worker", 0)}},
		{"a chief of its own", "parameterserver", "    Chief: {" + template + "}\n", map[string]string{
			"j-chief-0": config(withChief, "chief", 0), "j-ps-0": config(withChief, "ps", 0),
			"j-worker-0": config(withChief, "worker", 0), "j-worker-1": config(withChief, "worker", 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: j, namespace: ns, annotations: {radiant.io/strategy: " + c.strategy + "}}\n" +
				"spec:\n  tfReplicaSpecs:\n    PS: {" + template + "}\n    Worker: {replicas: 2, " + template + "}\n" + c.chief
			got := map[string]string{}
			for _, pod := range podsOf(expanded(t, jobs(t, text)[0])) {
				trainer := &pod.Spec.Containers[0]
				got[pod.Name] = configOf(trainer)
				idles := trainer.Command[0] != "python"
				if want := c.strategy == "multiworkermirrored" && pod.Name == "j-ps-0"; idles != want {
					t.Errorf("%s runs %q", pod.Name, trainer.Command)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestGolden expands testdata/NAME.job.yaml and compares with NAME.out.yaml.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.job.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("%d inputs, error %v", len(inputs), err)
	}
	for _, path := range inputs {
		name := strings.TrimSuffix(filepath.Base(path), ".job.yaml")
		t.Run(name, func(t *testing.T) {
			var all []expand.Object
			for _, job := range jobs(t, readFile(t, filepath.Base(path))) {
				objects := expanded(t, job)
				check(t, job, objects)
				all = append(all, objects...)
			}
			got, err := expand.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join("testdata", name+".out.yaml")
			if *update {
				if err := os.WriteFile(out, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(readFile(t, name+".out.yaml"), string(got)); diff != "" {
				t.Errorf("output differs, -want +got (-update rewrites it):\n%s", diff)
			}
		})
	}
}

// check holds objects to what makes them work together: each pod is found by the
// Service of its name and by no other, before it is ready, at the port that
// TF_CONFIG names.
func check(t *testing.T, job kubeflow.Job, objects []expand.Object) {
	t.Helper()
	pods := podsOf(objects)
	for _, o := range objects {
		if o.GetNamespace() == "" || len(o.GetOwnerReferences()) != 1 || o.GetOwnerReferences()[0].Name != job.GetName() {
			t.Errorf("%s: namespace %q, owners %v", o.GetName(), o.GetNamespace(), o.GetOwnerReferences())
		}
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		into := o.DeepCopyObject()
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Errorf("%s is not what the API knows: %v", o.GetName(), err)
		}
		service, ok := o.(*corev1.Service)
		if !ok {
			continue
		}
		if service.Spec.ClusterIP != corev1.ClusterIPNone || !service.Spec.PublishNotReadyAddresses {
			t.Errorf("Service %s: %+v", service.Name, service.Spec)
		}
		for _, pod := range pods {
			found := labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels))
			if found != (pod.Name == service.Name) {
				t.Errorf("Service %s finds pod %s: %v", service.Name, pod.Name, found)
			}
			address := fmt.Sprintf("%s.%s.svc:%d", service.Name, service.Namespace, service.Spec.Ports[0].Port)
			if config := configOf(&pod.Spec.Containers[0]); strings.Contains(config, service.Name+".") && !strings.Contains(config, address) {
				t.Errorf("pod %s is told of another port than %s: %s", pod.Name, address, config)
			}
		}
	}
}

// TestTemplateOfAPod: of a pod that was taken for a template what made it that pod is
// left out, and labels by which pods are found are the job's.
func TestTemplateOfAPod(t *testing.T) {
	text := "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: j}\nspec:\n  tfReplicaSpecs:\n    Worker:\n      template:\n" +
		"        metadata: {name: old, namespace: elsewhere, uid: x, resourceVersion: '7', labels: {team: a, training.kubeflow.org/job-name: other}, annotations: {b: c}}\n" +
		"        spec: {containers: [{name: tensorflow, image: i}]}\n"
	pod := podsOf(expanded(t, jobs(t, text)[0]))[0]
	if pod.Name != "j-worker-0" || pod.Namespace != "default" || pod.UID != "" || pod.ResourceVersion != "" {
		t.Errorf("the pod is %+v", pod.ObjectMeta)
	}
	if pod.Labels["team"] != "a" || pod.Labels[train.LabelJob] != "j" || pod.Annotations["b"] != "c" {
		t.Errorf("labels are %v, annotations %v", pod.Labels, pod.Annotations)
	}
}

// TestMainContainer: the end of a replica is that of the container that trains or
// launches, whatever others are called.
func TestMainContainer(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"mpi.job.yaml", "tensorflow-benchmarks-worker-0 tensorflow-benchmarks, tensorflow-benchmarks-worker-1 tensorflow-benchmarks, " +
			"tensorflow-benchmarks-launcher tensorflow-benchmarks, pi-worker-0 mpi, pi-launcher mpi, alone-launcher mpi"},
		{"article.job.yaml", "mnist-tf-job-ps-0 tensorflow, mnist-tf-job-ps-1 tensorflow, mnist-tf-job-worker-0 tensorflow, mnist-tf-job-worker-1 tensorflow"},
	} {
		var got []string
		for _, job := range jobs(t, readFile(t, c.file)) {
			plan, err := train.NewPlan(job, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range plan.Replicas {
				got = append(got, plan.Replicas[i].Name+" "+plan.Replicas[i].Main().Name)
			}
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %s, want %s", c.file, text, c.want)
		}
	}
}

// TestSuspended: a suspended job keeps its names, and has no pods.
func TestSuspended(t *testing.T) {
	text := "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: j}\nspec:\n  runPolicy: {suspend: true}\n  tfReplicaSpecs:\n" +
		"    Worker: {replicas: 2, template: {spec: {containers: [{name: tensorflow, image: i}]}}}\n"
	objects := expanded(t, jobs(t, text)[0])
	if len(objects) != 2 || len(podsOf(objects)) != 0 {
		t.Errorf("%d objects, %d pods", len(objects), len(podsOf(objects)))
	}
	objects = expanded(t, jobs(t, strings.Replace(text, "true", "false", 1))[0])
	if len(objects) != 4 || len(podsOf(objects)) != 2 {
		t.Errorf("resumed: %d objects, %d pods", len(objects), len(podsOf(objects)))
	}
}
