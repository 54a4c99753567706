package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/prime-radiant/radiant/expand"
)

func expanded(t *testing.T, text string) *pass {
	t.Helper()
	s := &InForce{Config: expand.DefaultConfig()}
	f := &facts{stored: &unstructured.Unstructured{Object: parsed(t, text)}, inForce: s}
	var err error
	if f.deployment, _, err = check(f.stored, s); err != nil {
		t.Fatal(err)
	}
	f.plan = newPlan(f, f.deployment, f.problems)
	p := newPass(f, time.Now())
	if err := (expanding{}).run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExpandingListsWhatIsWanted(t *testing.T) {
	p := expanded(t, stagedScaled())
	var got []string
	for _, d := range p.desired {
		got = append(got, d.ref.String())
	}
	want := []string{"Service m-p", "Service m-p-c", "Deployment m-p-0-c", "HorizontalPodAutoscaler m-p-0-c"}
	if !slices.Equal(got, want) || p.problems != nil {
		t.Errorf("wanted are %v, want %v; problems: %v", got, want, p.problems)
	}
}

// TestExpandingTakesWhatCannotBeForAProblem of the deployment, which the user
// mends, and not for a failure, which is tried again.
func TestExpandingTakesWhatCannotBeForAProblem(t *testing.T) {
	p := expanded(t, strings.ReplaceAll(staged, "name: c", "name: "+expand.ExecutorContainer))
	if p.problems.Err() == nil || !strings.Contains(p.problems.Error(), "is that of the executor") || len(p.desired) != 0 {
		t.Errorf("problems %v, wanted %v", p.problems, p.desired)
	}
}
