package message

import "testing"

// TestWholeHasTail joins a tail to the body for who reads a message, and leaves the
// body that it was behind as it is.
func TestWholeHasTail(t *testing.T) {
	room := []byte("body+more")
	m := Message{Body: room[:4], Tail: []byte("tail")}
	whole := m.Whole()
	if string(whole.Body) != "bodytail" || whole.Tail != nil {
		t.Errorf("whole, it is %q with the tail %q", whole.Body, whole.Tail)
	}
	if string(room) != "body+more" || string(m.Tail) != "tail" {
		t.Errorf("the message has become %q with the tail %q", room, m.Tail)
	}
}
