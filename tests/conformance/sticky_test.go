package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
)

// TestUsersStay asks for the same users over REST and gRPC, by an executor, by
// another one, and by one that was started anew. Each user has one child.
func TestUsersStay(t *testing.T) {
	const users = 400
	router := graph.Node{Name: "r", Implementation: "RANDOM_ABTEST", Parameters: []graph.Parameter{
		{Name: "weights", Value: "50,30,20"}, {Name: "stickyHeader", Value: "X-User-Id"}}}
	for _, name := range []string{"old", "new", "bold"} {
		router.Children = append(router.Children, graph.Node{Name: name, Implementation: "SIMPLE_MODEL"})
	}
	start := func(how Start) Executor {
		l := launchOf(t, "seldon", router)
		l.Env["SELDON_ENABLE_ROUTING_INJECTION"] = "true"
		return how(t, l)
	}
	first, second := start(asBinary), start(inProcess)
	want := map[string]int32{}
	counts := map[int32]int{}
	for i := range users {
		user := "user-" + strconv.Itoa(i)
		want[user] = restRoute(t, first, user)
		counts[want[user]]++
	}
	if counts[0] < users*4/10 || counts[1] < users*2/10 || counts[2] < users/10 {
		t.Errorf("the children get %v users", counts)
	}
	first.Stop()
	first.Wait()
	again := start(asBinary)
	for _, e := range []Executor{second, again} {
		c, err := dial(e)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		for user, child := range want {
			if got := restRoute(t, e, user); got != child {
				t.Errorf("%s goes to %d over REST, and went to %d", user, got, child)
			}
			ctx := metadata.AppendToOutgoingContext(context.Background(), "x-user-id", user)
			answer, err := seldon.NewSeldonClient(c).Predict(ctx, &seldon.SeldonMessage{Meta: &seldon.Meta{}, DataOneof: &seldon.SeldonMessage_StrData{StrData: "x"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := answer.GetMeta().GetRouting()["r"]; got != child {
				t.Errorf("%s goes to %d over gRPC, and went to %d over REST", user, got, child)
			}
		}
	}
}

// restRoute is the child that a user's request goes to.
func restRoute(t *testing.T, e Executor, user string) int32 {
	t.Helper()
	r := request(t, http.MethodPost, predictions(e), `{"meta":{},"strData":"x"}`)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-User-Id", user)
	body, _, err := do(r)
	var m struct {
		Meta struct{ Routing map[string]int32 }
	}
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	child, told := m.Meta.Routing["r"]
	if err != nil || !told {
		t.Fatalf("answer is %s, %v", body, err)
	}
	return child
}
