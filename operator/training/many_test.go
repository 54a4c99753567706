package training_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// TestManyAtOnce: jobs that kubectl creates at once get all their objects, by a write for
// each and one for the job's status, and few more where the cache is late; how long that
// took beside kubectl is printed, and not judged. An operator that starts again writes
// nothing, as the API server counts.
func TestManyAtOnce(t *testing.T) {
	many := 30
	if long.Asked() {
		many = 200
	}
	w := newWorld(t)
	_, stop := w.start()
	var text strings.Builder
	for i := range many {
		fmt.Fprintf(&text, "%s---\n", strings.Replace(tfJob("", ", annotations: {radiant.io/strategy: multiworkermirrored}"), "name: dist", fmt.Sprintf("name: j-%03d", i), 1))
	}
	before := len(operatorWrites(t))
	begin := time.Now()
	created := w.kubectlCreate(text.String())
	w.eventually(func() string { return w.lack(4*many, "Pod", "Service") })
	made := time.Since(begin)
	t.Logf("kubectl created %d jobs in %v; all of their %d objects were there after %v: %.2f times as long",
		many, created, 8*many, made, made.Seconds()/created.Seconds())
	for i := range many {
		w.await(fmt.Sprintf("j-%03d", i), kubeflow.JobCreated)
	}
	stop()
	all := len(operatorWrites(t))
	if n := all - before; n > 10*many {
		t.Errorf("for %d objects there were %d writes", 8*many, n)
	} else {
		t.Logf("%d writes", n)
	}
	writes, _ := w.start()
	w.apply(strings.Replace(tfJob("", ", annotations: {radiant.io/strategy: multiworkermirrored}"), "name: dist", "name: last", 1))
	w.await("last", kubeflow.JobCreated) // It has looked at all others by then.
	last := 0
	for _, write := range operatorWrites(t)[all:] {
		if strings.Contains(write, "/last") {
			last++
			continue
		}
		t.Errorf("an operator that started again sent %s", write)
	}
	if last < 9 {
		t.Errorf("of the last job %d writes were counted; the operator sent %v", last, writes())
	}
}

// kubectlCreate creates what a text has, and returns how long that took.
func (w *world) kubectlCreate(text string) time.Duration {
	w.Helper()
	file := filepath.Join(w.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	kubectl := exec.Command(tools.Path(w, "kubectl"), "--kubeconfig", server.Kubeconfig(), "-n", w.namespace, "create", "-f", file)
	begin := time.Now()
	if out, err := kubectl.CombinedOutput(); err != nil {
		w.Fatalf("%v: %s", err, out)
	}
	return time.Since(begin)
}

// lack says which objects are not there yet, of so many of each kind.
func (w *world) lack(n int, kinds ...string) string {
	w.Helper()
	for _, kind := range kinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(metav1.SchemeGroupVersion.WithKind(kind + "List"))
		list.APIVersion = "v1"
		if err := w.List(w.Context(), list, client.Limit(1)); err != nil {
			w.Fatal(err)
		}
		got := len(list.Items)
		if list.RemainingItemCount != nil {
			got += int(*list.RemainingItemCount)
		}
		if got < n {
			return fmt.Sprintf("there are %d of %d of the kind %s", got, n, kind)
		}
	}
	return ""
}

// operatorWrites are what operators of these tests have written so far, by the API
// server's notes, but for events.
func operatorWrites(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(audit)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Verb, UserAgent string
			RequestURI      string
			ObjectRef       struct{ Resource, Name string }
			Stage           string
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			continue // It is being written.
		}
		reads := e.Verb == "get" || e.Verb == "list" || e.Verb == "watch"
		if e.UserAgent == operatorAgent && e.Stage == "ResponseComplete" && !reads && e.ObjectRef.Resource != "events" && e.ObjectRef.Resource != "leases" {
			all = append(all, fmt.Sprintf("%s %s/%s", e.Verb, e.ObjectRef.Resource, e.ObjectRef.Name))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
