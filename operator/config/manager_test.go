package config

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func parseManager(t *testing.T, env map[string]string, args ...string) (Manager, error) {
	t.Helper()
	var m Manager
	f := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	m.AddFlags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return m, m.Complete(lookup(env))
}

// TestManagerOfAnExistingInstallation has the flags and variables that charts
// of Seldon Core v1 set.
func TestManagerOfAnExistingInstallation(t *testing.T) {
	m, err := parseManager(t, map[string]string{"POD_NAMESPACE": "seldon", "WATCH_NAMESPACE": "", "CONTROLLER_ID": "one"},
		"--enable-leader-election", "--metrics-addr=:8082", "--namespace=models", "--leader-election-resource-lock=leases",
		"--leader-election-lease-duration-secs=30", "--log-level=WARN")
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseManager(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	want.OperatorNamespace, want.Namespace, want.ControllerID = "seldon", "models", "one"
	want.LeaderElection, want.LeaseSeconds, want.MetricsAddress, want.LogLevel = true, 30, ":8082", "WARN"
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if level, err := m.Level(); err != nil || level != slog.LevelWarn {
		t.Errorf("the level is %v, error %v", level, err)
	}
}

func TestVariablesCountBeforeFlags(t *testing.T) {
	m, err := parseManager(t, map[string]string{"WATCH_NAMESPACE": "b", "SELDON_DEBUG": "true"}, "--namespace=a")
	if err != nil {
		t.Fatal(err)
	}
	if level, _ := m.Level(); m.Namespace != "b" || level != slog.LevelDebug {
		t.Errorf("the namespace is %q, the level %v", m.Namespace, level)
	}
}

func TestManagerReportsAllBadValues(t *testing.T) {
	_, err := parseManager(t, map[string]string{"SELDON_LOG_LEVEL": "LOUD", "SELDON_DEBUG": "maybe"},
		"--workers=0", "--drain=-1s", "--leader-election-retry-period-secs=-2")
	if err == nil {
		t.Fatal("bad values were accepted")
	}
	for _, want := range []string{`"LOUD" is none of`, `SELDON_DEBUG: "maybe"`, "--workers: 0", "--drain: -1s", "retry-period-secs: -2"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}
