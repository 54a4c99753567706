package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// The names of the tensors of a new version.
const newInput, newOutput = "newnames", "answer"

// newVersion checks that what a server said of its model is not held against
// requests once it has another model.
func newVersion(t *testing.T, start Start) {
	for _, inside := range []string{"tensorflow", "v2"} {
		old := stub.Model{Protocol: inside, Name: "a", Digit: 1}
		renew := func(t *testing.T, protocol string) (Executor, *stub.Server) {
			e, cs := launch(t, start, protocol, speaking(inside, model("a", 1)))
			return e, cs["a"]
		}
		t.Run("the server of "+inside+" refuses the old name", func(t *testing.T) {
			each(t, onlySeldon(), func(t *testing.T, w wire) {
				e, s := renew(t, w.protocol)
				expect(t, w, e, 71)
				s.Otherwise(old.Renamed(newInput, newOutput))
				expect(t, w, e, 71)
				s.Otherwise(old.Answer)
				expect(t, w, e, 71)
			})
		})
		t.Run("the names of "+inside+" that a client knows", func(t *testing.T) {
			e, s := renew(t, "seldon")
			ask := func(input string) error {
				_, _, err := post(soon(t), predictions(e), "application/json", fmt.Appendf(nil, `{"jsonData":{%q:[[7]]}}`, input))
				return err
			}
			if err := ask(stub.Input); err != nil {
				t.Fatal(err)
			}
			s.Otherwise(old.Renamed(newInput, newOutput))
			if err := ask(newInput); err != nil {
				t.Error(err)
			}
			failed(t, wire{}, ask(stub.Input), failure{http.StatusBadRequest, codes.OK, `the model has no such input; it takes "newnames"`})
			s.Otherwise(old.Answer)
			inMasses(t, s, ask)
		})
	}
	t.Run("names of outputs", func(t *testing.T) {
		e, cs := launch(t, start, "v2", speaking("tensorflow", model("a", 1)))
		ask := func(input, output string) {
			body, _, err := post(soon(t), "http://"+e.REST+"/v2/models/a/infer", "application/json",
				fmt.Appendf(nil, `{"inputs":[{"name":%q,"datatype":"FP32","shape":[1],"data":[7]}]}`, input))
			if err != nil || !strings.Contains(string(body), `"name":"`+output+`"`) {
				t.Errorf("answer is %s, %v", body, err)
			}
		}
		ask(stub.Input, stub.Output)
		cs["a"].Otherwise(stub.Model{Protocol: "tensorflow", Name: "a", Digit: 1}.Renamed(newInput, newOutput))
		ask(newInput, newOutput)
	})
}

// inMasses sends many wrong requests among right ones: these are answered, and
// the server gets few questions.
func inMasses(t *testing.T, s *stub.Server, ask func(input string) error) {
	s.Reset()
	var wait sync.WaitGroup
	var wrong, right atomic.Int32
	for i := range 300 {
		wait.Go(func() {
			if i%10 == 0 {
				if ask(stub.Input) == nil {
					right.Add(1)
				}
			} else if ask("wrong") != nil {
				wrong.Add(1)
			}
		})
	}
	wait.Wait()
	questions := 0
	for _, c := range s.Calls() {
		if c.Method == http.MethodGet {
			questions++
		}
	}
	if right.Load() != 30 || wrong.Load() != 270 || questions > 30 {
		t.Errorf("%d of 30 right requests are answered, %d of 270 wrong ones refused, with %d questions", right.Load(), wrong.Load(), questions)
	}
}
