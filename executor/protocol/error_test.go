package protocol

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// An error may be shared: of two nodes that fail with the same one, each is
// told by its own name.
func TestAtNodeCopies(t *testing.T) {
	shared := Errorf(NotNow, "no").After(time.Second)
	first, second := AtNode(shared, "a", "predict"), AtNode(shared, "b", "route")
	for err, want := range map[error]string{first: `node "a": predict: no`, second: `node "b": route: no`, shared: "no"} {
		if err.Error() != want || CodeOf(err) != NotNow || RetryAfter(err) != time.Second {
			t.Errorf("error is %v (%d, %v), want %s", err, CodeOf(err), RetryAfter(err), want)
		}
	}
	if again := AtNode(first, "c", "predict"); !errors.Is(again, first) || again.Error() != first.Error() {
		t.Errorf("an error gets a second node: %v", again)
	}
	if err := AtNode(nil, "a", "predict"); err != nil {
		t.Errorf("nil became %v", err)
	}
	wrapped := AtNode(fmt.Errorf("asking: %w", shared), "a", "predict")
	if wrapped.Error() != `node "a": predict: asking: no` || CodeOf(wrapped) != NotNow {
		t.Errorf("error is %v", wrapped)
	}
	if err := AtNode(errors.New("odd"), "a", "predict"); CodeOf(err) != Internal {
		t.Errorf("code is %d", CodeOf(err))
	}
}

func TestEveryCodeHasItsStatuses(t *testing.T) {
	for c := Internal; c <= NotNow; c++ {
		if c.HTTP() < 400 || c.GRPC() == 0 {
			t.Errorf("code %d is %d and %v", c, c.HTTP(), c.GRPC())
		}
	}
}
