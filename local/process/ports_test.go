package local

import (
	"net"
	"strconv"
	"testing"
)

func address(port int32) string { return "127.0.0.1:" + strconv.Itoa(int(port)) }

func TestAHeldPortIsTakenButRefuses(t *testing.T) {
	book := newPortBook()
	defer book.close()
	port, err := book.take(0)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("tcp4", address(port)); err == nil {
		l.Close()
		t.Errorf("another program could listen on %d while it was held", port)
	}
	if c, err := net.Dial("tcp4", address(port)); err == nil {
		c.Close()
		t.Errorf("a connection to the held port %d was accepted: a probe would take it for a server", port)
	}
	book.release(port)
	l, err := net.Listen("tcp4", address(port))
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	l.Close()
}

func TestPortsThatAreInUseAreAvoided(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		l, err := net.Listen("tcp4", listen)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		taken := int32(l.Addr().(*net.TCPAddr).Port)
		if portFree(taken) {
			t.Errorf("port %d has a listener on %s but counts as free", taken, listen)
		}
		book := newPortBook()
		defer book.close()
		got, err := book.take(taken)
		if err != nil {
			t.Fatal(err)
		}
		if got == taken {
			t.Errorf("the taken port %d was handed out", taken)
		}
		again, err := book.take(got)
		if err != nil {
			t.Fatal(err)
		}
		if again == got {
			t.Errorf("port %d was handed out twice", got)
		}
	}
}

func TestOtherRadiantsLeaveAPortAloneThatIsNotListenedOnYet(t *testing.T) {
	one, other := newPortBook(), newPortBook()
	defer one.close()
	defer other.close()
	port, err := one.take(0)
	if err != nil {
		t.Fatal(err)
	}
	one.release(port) // Its server is loading a model.
	if got, err := other.take(port); err != nil || got == port {
		t.Errorf("another radiant got port %d, %v; port %d is in use", got, err, port)
	}
	one.giveBack(port)
	if got, err := other.take(port); err != nil || got != port {
		t.Errorf("another radiant got port %d, %v; want %d, which was given back", got, err, port)
	}
}
