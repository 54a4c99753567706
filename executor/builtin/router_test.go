package builtin

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/peers"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/state"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

func parameter(name, value string) graph.Parameter { return graph.Parameter{Name: name, Value: value} }

func router(t *testing.T, w *World, s *graph.Step) Router {
	t.Helper()
	n, err := All().New(s, w)
	if err != nil {
		t.Fatal(err)
	}
	return n.(Router)
}

// routes sends users to children, over REST and over gRPC.
func routes(t *testing.T, r Router, users int) []int {
	t.Helper()
	all := make([]int, users)
	for i := range all {
		user := "user-" + strconv.Itoa(i)
		rest := Message{wire: message.Message{Meta: &message.Meta{Header: message.NewHeader(map[string][]string{"X-User": {user}})}}}
		child, err := r.Route(t.Context(), rest)
		if err != nil {
			t.Fatal(err)
		}
		grpc := Message{wire: message.Message{Meta: &message.Meta{}}}
		same, err := r.Route(metadata.NewOutgoingContext(t.Context(), metadata.Pairs("x-user", user)), grpc)
		if err != nil || same != child {
			t.Fatalf("%s goes to %d over REST and to %d over gRPC, %v", user, child, same, err)
		}
		all[i] = child
	}
	return all
}

func TestStickiness(t *testing.T) {
	const users = 10_000
	sticky := parameter("stickyHeader", "X-User")
	w := &World{Random: rand.New(rand.NewPCG(1, 2)).Float64}
	three := func() []int {
		return routes(t, router(t, w, step(t, "RANDOM_ABTEST", 3, parameter("weights", "50, 30,20"), sticky)), users)
	}
	first, again := three(), three()
	counts := make([]float64, 3)
	for i, child := range first {
		counts[child]++
		if again[i] != child {
			t.Fatalf("another replica sends user %d to %d, this one to %d", i, again[i], child)
		}
	}
	statistic := 0.0
	for i, weight := range []float64{.5, .3, .2} {
		statistic += (counts[i] - weight*users) * (counts[i] - weight*users) / (weight * users)
	}
	if p := 1 - (distuv.ChiSquared{K: 2}).CDF(statistic); p <= 0.01 {
		t.Errorf("the children get %v users: p is %v", counts, p)
	}
	four := routes(t, router(t, w, step(t, "RANDOM_ABTEST", 4, parameter("weights", "50,30,20,25"), sticky)), users)
	moved := 0.0
	for i, child := range four {
		if child != first[i] {
			moved++
			if child != 3 {
				t.Fatalf("user %d moves from %d to %d", i, first[i], child)
			}
		}
	}
	if share := moved / users; share < 0.18 || share > 0.22 {
		t.Errorf("a child with a fifth of the weight gets %v of the users", share)
	}
}

// A user may be named by the message, wherever and in whatever form, and goes where
// the header would send it.
func TestStickyKey(t *testing.T) {
	w := &World{Random: func() float64 { return 0 }}
	sticky := router(t, w, step(t, "RANDOM_ABTEST", 3, parameter("weights", "50,30,20"), parameter("stickyHeader", "X-User"), parameter("stickyKey", "user")))
	for user := range 20 {
		number := strconv.Itoa(user)
		header := Message{wire: message.Message{Body: []byte("anything"), Meta: &message.Meta{Header: message.NewHeader(map[string][]string{"X-User": {number}})}}}
		want, err := sticky.Route(t.Context(), header)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			form translate.Form
			body string
		}{
			{translate.SeldonJSON, `{"meta":{"tags":{"user":"` + number + `"}},"data":{"ndarray":[[1]]}}`},
			{translate.SeldonJSON, `{"meta":{"tags":{"user":` + number + `.0}},"strData":"x"}`},
			{translate.SeldonJSON, `{"jsonData":{"user":` + number + `,"text":[{"a":null}]}}`},
			{translate.SeldonJSON, `{"data":{"names":["age","user"],"ndarray":[[9,` + number + `],[9,77]]}}`},
			{translate.SeldonJSON, `{"data":{"names":["age","user"],"ndarray":[[9.5,"` + number + `"]]}}`},
			{translate.TensorFlowJSON, `{"inputs":{"age":[[9]],"user":["` + number + `"]}}`},
			{translate.TensorFlowJSON, `{"instances":[{"age":9,"user":` + number + `}]}`},
			{translate.V2JSON, `{"parameters":{"user":"` + number + `"},"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}`},
			{translate.V2JSON, `{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]},{"name":"user","datatype":"BYTES","shape":[1],"data":["` + number + `"]}]}`},
			{translate.V2JSON, `{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]},{"name":"user","datatype":"UINT64","shape":[1,1],"data":[` + number + `]}]}`},
			{translate.SeldonProto, encode(t, &seldon.SeldonMessage{Meta: &seldon.Meta{Tags: map[string]*structpb.Value{"user": structpb.NewNumberValue(float64(user))}}})},
			{translate.V2Proto, encode(t, &inference.ModelInferRequest{Parameters: map[string]*inference.InferParameter{"user": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: int64(user)}}}})},
			{translate.V2Proto, encode(t, &inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{{
				Name: "user", Datatype: "FP32", Shape: []int64{1}, Contents: &inference.InferTensorContents{Fp32Contents: []float32{float32(user)}}}}})},
		} {
			m := NewMessage(message.Message{Body: []byte(c.body), Meta: &message.Meta{}}, c.form, 0)
			if got, err := sticky.Route(t.Context(), m); err != nil || got != want {
				t.Errorf("%s: goes to %d, %v, want %d", c.body, got, err, want)
			}
		}
	}
	for _, body := range []string{`{"data":{"ndarray":[[1]]}}`, `{"jsonData":[1]}`, `{"meta":{"tags":{"user":[1]}},"strData":"x"}`, `{"data":{"names":["user"],"ndarray":[]}}`} {
		if got, err := sticky.Route(t.Context(), NewMessage(message.Message{Body: []byte(body), Meta: &message.Meta{}}, translate.SeldonJSON, 0)); err != nil || got != 0 {
			t.Errorf("%s: goes to %d, %v, want it drawn", body, got, err)
		}
	}
	if _, err := sticky.Route(t.Context(), NewMessage(message.Message{Body: []byte(`{"data":`), Meta: &message.Meta{}}, translate.SeldonJSON, 0)); protocol.CodeOf(err) != protocol.Invalid {
		t.Errorf("a request that is no JSON: %v", err)
	}
}

func encode(t *testing.T, m proto.Message) string {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestWeights(t *testing.T) {
	for _, weights := range []string{"0,1,3", "0,0.5e308,1.5e308"} {
		r := router(t, &World{Random: rand.New(rand.NewPCG(1, 2)).Float64}, step(t, "RANDOM_ABTEST", 3, parameter("weights", weights)))
		counts := make([]float64, 3)
		const draws = 20_000
		for range draws {
			child, err := r.Route(t.Context(), Message{})
			if err != nil {
				t.Fatal(err)
			}
			counts[child]++
		}
		if counts[0] != 0 || math.Abs(counts[1]/draws-.25) > .02 {
			t.Errorf("%s: the children get %v", weights, counts)
		}
	}
}

// chances are those of the three children of a simulated problem.
func chances() []float64 { return []float64{0.5, 0.6, 0.75} }

// play lets bandits take turns at a problem, and returns what they earned and how
// much more the best child would have, on average. With stores, they share each
// hundred rounds.
func play(t *testing.T, implementation string, rounds int, stores ...*state.Store) (earned, regret float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 11))
	var bandits []Router
	for _, s := range stores {
		bandits = append(bandits, router(t, &World{Random: r.Float64, State: s}, step(t, implementation, 3)))
	}
	for i := range rounds {
		b := bandits[i%len(bandits)]
		child, err := b.Route(t.Context(), Message{})
		if err != nil {
			t.Fatal(err)
		}
		reward := 0.0
		if r.Float64() < chances()[child] {
			reward = 1
		}
		if err := b.(Learner).Learn(t.Context(), Feedback{Reward: reward, Route: child}); err != nil {
			t.Fatal(err)
		}
		earned += reward
		regret += chances()[2] - chances()[child]
		if i%100 == 0 {
			for _, s := range stores {
				s.Sync()
				s.Pull(t.Context())
			}
		}
	}
	return earned, regret
}

func folder(t *testing.T, dir, replica string) *state.Store {
	t.Helper()
	s, err := state.New(state.Options{Dir: dir, Replica: replica, Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asking are stores of replicas that ask each other over HTTP.
func asking(t *testing.T, replicas ...string) []*state.Store {
	t.Helper()
	stores := make([]*state.Store, len(replicas))
	var list []string
	for i := range replicas {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { stores[i].ServeHTTP(w, r) }))
		t.Cleanup(s.Close)
		list = append(list, strings.TrimPrefix(s.URL, "http://"))
	}
	others, err := peers.New(strings.Join(list, ","), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, replica := range replicas {
		stores[i], err = state.New(state.Options{Replica: replica, Peers: others, NewID: func() string { return "1" }, Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
	}
	return stores
}

// Two replicas that share their counts, by a folder or by asking each other, earn
// what one does, within a tenth; a bound holds for what is missed.
func TestRegret(t *testing.T) {
	const rounds = 5000
	for implementation, bound := range map[string]float64{"EPSILON_GREEDY": 150, "THOMPSON_SAMPLING": 80, "UCB": 250} {
		alone, regret := play(t, implementation, rounds, nil)
		if regret > bound || regret < 1 {
			t.Errorf("%s: the regret of %d rounds is %.1f, want at most %v", implementation, rounds, regret, bound)
		}
		dir := t.TempDir()
		for how, stores := range map[string][]*state.Store{
			"a folder": {folder(t, dir, "one"), folder(t, dir, "two")}, "asking": asking(t, "one", "two"),
		} {
			both, shared := play(t, implementation, rounds, stores...)
			if both < .9*alone || shared > 1.5*bound {
				t.Errorf("%s, by %s: two replicas earn %v with a regret of %.1f, one %v", implementation, how, both, shared, alone)
			}
			t.Logf("%s, by %s: regret %.1f alone, %.1f of two replicas; earned %v and %v", implementation, how, regret, shared, alone, both)
		}
	}
}

// A replica that is killed has what was written last, and counts nothing twice.
func TestCountsAfterARestart(t *testing.T) {
	dir := t.TempDir()
	start := func(replica string) (*bandit, *state.Store) {
		s := folder(t, dir, replica)
		return router(t, &World{Random: rand.Float64, State: s}, step(t, "UCB", 2)).(*bandit), s
	}
	learn := func(b *bandit, times int) {
		for range times {
			if err := b.Learn(t.Context(), Feedback{Reward: .5, Route: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, store := start("one")
	learn(one, 10)
	store.Sync()
	learn(one, 3) // Not written: lost.
	again, _ := start("one")
	if got := again.own[1]; got != (arm{10, 5}) || again.others[1] != (arm{}) {
		t.Errorf("after the restart it has %v, and of others %v", got, again.others[1])
	}
	two, store := start("two")
	if two.own[1] != (arm{}) || two.others[1] != (arm{10, 5}) {
		t.Errorf("a second replica has %v, and of others %v", two.own[1], two.others[1])
	}
	learn(two, 4)
	store.Sync()
	if again.Others(nil); again.others[1] != (arm{}) {
		t.Errorf("of no others it has %v", again.others[1])
	}
	third, _ := start("one")
	if third.own[1] != (arm{10, 5}) || third.others[1] != (arm{4, 2}) {
		t.Errorf("it has %v, and of others %v", third.own[1], third.others[1])
	}
}

func TestLearnRefuses(t *testing.T) {
	b := router(t, &World{Random: rand.Float64}, step(t, "THOMPSON_SAMPLING", 2)).(Learner)
	for _, f := range []Feedback{{Reward: 2, Route: 0}, {Reward: -1, Route: 0}, {Reward: math.NaN(), Route: 1}, {Reward: 1, Route: graph.RouteAll}, {Reward: 1, Route: 2}} {
		if err := b.Learn(context.Background(), f); err == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

// What detectors learnt is there after a restart, to the bit.
func TestDetectorsKeepWhatTheyLearnt(t *testing.T) {
	rows := features30(500).table()
	for _, implementation := range []string{"MAHALANOBIS_DETECTOR", "QUANTILE_DETECTOR"} {
		dir := t.TempDir()
		s := folder(t, dir, "one")
		before := made(t, &World{State: s}, implementation)
		if _, err := before.judge(rows); err != nil {
			t.Fatal(err)
		}
		s.Sync()
		for _, replica := range []string{"one", "another"} {
			after := made(t, &World{State: folder(t, dir, replica)}, implementation)
			far := table{values: make([]float64, 30), rows: 1, width: 30}
			refreshed(t, before)
			want, err := before.judge(far)
			if err != nil {
				t.Fatal(err)
			}
			got, err := after.judge(far)
			if err != nil || !got.judged || math.Abs(got.worst-want.worst) > 1e-9*want.worst {
				t.Errorf("%s, replica %s: the score is %v, was %v, %v", implementation, replica, got.worst, want.worst, err)
			}
		}
	}
}

func refreshed(t *testing.T, d judge) {
	t.Helper()
	if err := d.(interface{ refresh() error }).refresh(); err != nil {
		t.Fatal(err)
	}
}

// TestCountsThatCannotBe: what another replica tells or a file holds that no bandit can
// have counted is passed over; the largest counts can be drawn by.
func TestCountsThatCannotBe(t *testing.T) {
	for _, name := range []string{"EPSILON_GREEDY", "UCB", "THOMPSON_SAMPLING"} {
		n, err := All().New(step(t, name, 2), &World{Random: func() float64 { return 0.5 }})
		if err != nil {
			t.Fatal(err)
		}
		b := n.(*bandit)
		for _, count := range []float64{1e308, 1 << 53} {
			told := armsByName{}
			for _, child := range b.names {
				told[child] = arm{Count: count, Reward: count}
			}
			text, err := json.Marshal(told)
			if err != nil {
				t.Fatal(err)
			}
			b.Others([]json.RawMessage{text, text, []byte("null"), []byte(`[1]`), nil})
			if kept := b.others[0].Count; kept > 1<<54 || kept == 0 && count == 1<<53 {
				t.Errorf("%s: of %g others have counted %g", name, count, kept)
			}
			if _, err := b.Route(t.Context(), NewMessage(message.Message{Meta: &message.Meta{}}, translate.SeldonJSON, 0)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
