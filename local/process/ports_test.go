package process

import (
	"net"
	"testing"
)

func TestAHeldPortIsTakenButRefuses(t *testing.T) {
	book := NewPortBook()
	defer book.Close()
	port, err := book.Take(0)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("tcp4", Address(port)); err == nil {
		l.Close()
		t.Errorf("another program could listen on %d while it was held", port)
	}
	if c, err := net.Dial("tcp4", Address(port)); err == nil {
		c.Close()
		t.Errorf("a connection to the held port %d was accepted: a probe would take it for a server", port)
	}
	book.Release(port)
	l, err := net.Listen("tcp4", Address(port))
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
		if PortFree(taken) {
			t.Errorf("port %d has a listener on %s but counts as free", taken, listen)
		}
		book := NewPortBook()
		defer book.Close()
		got, err := book.Take(taken)
		if err != nil {
			t.Fatal(err)
		}
		if got == taken {
			t.Errorf("the taken port %d was handed out", taken)
		}
		again, err := book.Take(got)
		if err != nil {
			t.Fatal(err)
		}
		if again == got {
			t.Errorf("port %d was handed out twice", got)
		}
	}
}

func TestOtherRadiantsLeaveAPortAloneThatIsNotListenedOnYet(t *testing.T) {
	one, other := NewPortBook(), NewPortBook()
	defer one.Close()
	defer other.Close()
	port, err := one.Take(0)
	if err != nil {
		t.Fatal(err)
	}
	one.Release(port) // Its server is loading a model.
	if got, err := other.Take(port); err != nil || got == port {
		t.Errorf("another radiant got port %d, %v; port %d is in use", got, err, port)
	}
	one.GiveBack(port)
	if got, err := other.Take(port); err != nil || got != port {
		t.Errorf("another radiant got port %d, %v; want %d, which was given back", got, err, port)
	}
}
