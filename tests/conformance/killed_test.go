package conformance

import (
	"encoding/json"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/graph"
)

// TestKilledReplicasKnowTheirCounts kills each of two replicas of a bandit, which
// ask each other and of which one has a folder. Counts of the last seconds may be
// lost, older ones are not, and none counts twice.
func TestKilledReplicasKnowTheirCounts(t *testing.T) {
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}
	places := []string{free(), free()}
	folder := t.TempDir()
	bandit := graph.Node{Name: "bandit", Implementation: "UCB", Children: []graph.Node{
		{Name: "old", Implementation: "SIMPLE_MODEL"}, {Name: "new", Implementation: "SIMPLE_MODEL"}}}
	start := func(replica int) (kill func()) {
		l := launchOf(t, "seldon", bandit)
		l.HTTPPort = places[replica][strings.LastIndexByte(places[replica], ':')+1:]
		l.Env["RADIANT_PEERS"], l.Env["RADIANT_HOST"] = strings.Join(places, ","), "127.0.0.1"
		if replica == 1 {
			l.Env["RADIANT_STATE_DIR"] = folder
		}
		e, process := startBinary(t, l)
		return func() {
			if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			e.Wait()
		}
	}
	reward := func(replica, times int) {
		t.Helper()
		for range times {
			if _, _, err := post(soon(t), "http://"+places[replica]+"/api/v1.0/feedback", "application/json",
				[]byte(`{"reward":1,"response":{"meta":{"routing":{"bandit":1}}}}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// known waits until a replica knows so many rewards, its own and those of all
	// others.
	known := func(replica, least, most int) {
		t.Helper()
		var count float64
		for range 150 {
			count = rewards(t, places[replica])
			if count >= float64(least) {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if count < float64(least) || count > float64(most) {
			t.Fatalf("replica %d knows %v rewards, want %d to %d", replica, count, least, most)
		}
	}
	kill := []func(){start(0), start(1)}
	reward(0, 20)
	reward(1, 10)
	known(0, 30, 30)
	known(1, 30, 30)
	reward(0, 3) // The last ones.
	kill[0]()
	start(0)
	known(0, 30, 33)
	time.Sleep(3500 * time.Millisecond) // The other one writes its file meanwhile.
	kill[1]()
	start(1)
	known(1, 30, 33)
	reward(1, 1)
	known(0, 31, 34)
}

// rewards is how many a replica tells of, its own and those of others.
func rewards(t *testing.T, at string) (count float64) {
	t.Helper()
	answer, _, err := get(soon(t), "http://"+at+"/state")
	if err != nil {
		return 0
	}
	var told struct {
		States []struct {
			State map[string]struct{ Count float64 }
		}
	}
	if json.Unmarshal(answer, &told) != nil {
		return 0
	}
	for _, s := range told.States {
		count += s.State["new"].Count
	}
	return count
}
