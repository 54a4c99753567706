package samples

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// atZero lets a deployment be without processes from the start, and again ten seconds
// after somebody asked.
const atZero = `
  annotations:
    autoscaling.knative.dev/min-scale: "0"
    autoscaling.knative.dev/initial-scale: "0"
    autoscaling.knative.dev/window: 8s
    autoscaling.knative.dev/scale-to-zero-pod-retention-period: 2s
`

// ofRadiant are the processes that radiant local has without any predictor: the guard,
// which ends what is left should radiant be killed.
const ofRadiant = 1

// TestTenAtZero: of ten samples that nobody asks nothing runs; each is asked in turn,
// and only those run that were asked. It prints what they take.
func TestTenAtZero(t *testing.T) {
	long.Only(t)
	samples := []string{
		"iris-sklearn/iris-sklearn", "iris-sklearn/iris-sklearn-classes", "iris-sklearn/iris-sklearn-v2", "ab-test/ab-test", "ab-test/canary",
		"combiner/combiner", "combiner/vote", "drift/drift", "outliers/flowers", "forest/forest",
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../samples")); err != nil {
		t.Fatal(err)
	}
	args, deployments := []string{"local"}, map[string]string{}
	for _, name := range samples {
		file := filepath.Join(dir, name+".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), "\nmetadata:\n", "\nmetadata:"+atZero, 1)
		head, _, _ := strings.Cut(changed, "\nspec:")
		if strings.Count(head, "annotations:") != 1 || !strings.Contains(head, atZero) {
			t.Fatalf("%s has another form", file)
		}
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-f", file)
		if found := regexp.MustCompile(`(?m)^  name: (\S+)$`).FindStringSubmatch(head); found != nil {
			deployments[name] = found[1]
		} else {
			t.Fatalf("%s does not say the deployment's name", file)
		}
	}
	address, _, pid := serveUntil(t, func(address string) error {
		all, err := served(address)
		if err == nil && len(all) != len(samples) {
			err = fmt.Errorf("%d deployments are served", len(all))
		}
		return err
	}, dir, filepath.Join(programs.Build(t), "radiant"), args...)
	if now, takes := running(t, address), memory(t, pid); len(now) > 0 || takes.processes > ofRadiant {
		t.Errorf("nobody was asked, and there run %v: %s", now, takes)
	}
	t.Logf("at zero: %s", memory(t, pid))
	var asked []string
	most := 0
	for _, name := range samples {
		folder, c := filepath.Join(dir, filepath.Dir(name)), caseOf(t, dir, name)
		before := time.Now()
		if err := firstAnswer(address, folder, c.Requests[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		asked = append(asked, deployments[name])
		now := running(t, address)
		most = max(most, len(now))
		for _, d := range now {
			if !slices.Contains(asked, d) {
				t.Errorf("%s runs, and nobody has asked it", d)
			}
		}
		t.Logf("%s answered after %.1f s; there run %v: %s", name, time.Since(before).Seconds(), now, memory(t, pid))
	}
	if most == 0 {
		t.Error("nothing ran while it was asked")
	}
	for end := time.Now().Add(startTimeout); len(running(t, address)) > 0 || memory(t, pid).processes > ofRadiant; time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatalf("nobody asks any more, and there run %v: %s", running(t, address), memory(t, pid))
		}
	}
	t.Logf("at zero again: %s", memory(t, pid))
}

// firstAnswer runs a request to a deployment without processes. The first one on a
// machine downloads the model servers, for which a gateway keeps no request: it is asked
// again then, as its answer says.
func firstAnswer(address, folder string, r cases.Request) error {
	for end := time.Now().Add(startTimeout); ; {
		err := cases.Run(address, folder, r)
		if err == nil || time.Now().After(end) || !strings.HasPrefix(err.Error(), fmt.Sprintf("status %d,", http.StatusServiceUnavailable)) {
			return err
		}
	}
}

// caseOf is the case of a sample's file.
func caseOf(t *testing.T, dir, name string) cases.Case {
	t.Helper()
	s, err := cases.Read(filepath.Join(dir, filepath.Dir(name), "case.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Cases {
		if slices.Equal(c.Files, []string{filepath.Base(name) + ".yaml"}) && len(c.Requests) > 0 {
			return c
		}
	}
	t.Fatalf("no case of %s alone", name)
	return cases.Case{}
}

// running are the deployments of which a predictor is ready.
func running(t *testing.T, address string) []string {
	t.Helper()
	all, err := served(address)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range all {
		for _, p := range d.Predictors {
			if p.Ready && !slices.Contains(names, d.Name) {
				names = append(names, d.Name)
			}
		}
	}
	return names
}

// taken is what processes take: how many one has started, and the memory of all.
type taken struct{ processes, mebibytes int }

func (a taken) String() string {
	return fmt.Sprintf("%d processes beside radiant's own, %d MiB resident in all", a.processes, a.mebibytes)
}

// memory says what a process and those that it has started take; of a system that does
// not tell it is nothing.
func memory(t *testing.T, root int) taken {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil || len(all) == 0 {
		return taken{}
	}
	children, resident := map[int][]int{}, map[int]int{}
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // It has ended.
		}
		field := func(name string) int {
			_, rest, _ := strings.Cut(string(text), "\n"+name+":")
			words := strings.Fields(rest)
			if len(words) == 0 {
				return 0
			}
			n, _ := strconv.Atoi(words[0]) // A process that ends has none.
			return n
		}
		pid := field("Pid")
		children[field("PPid")] = append(children[field("PPid")], pid)
		resident[pid] = field("VmRSS")
	}
	sum, count := resident[root], 0
	for rest := children[root]; len(rest) > 0; count++ {
		sum += resident[rest[0]]
		rest = append(rest[1:], children[rest[0]]...)
	}
	return taken{count, sum >> 10}
}
