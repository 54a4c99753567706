#!/usr/bin/env bash
# client-go's recorder of events.k8s.io drops what later events say.
#
# Version: k8s.io/client-go 0.37.2 (tools/events beside tools/record).
# What one would expect: two events about an object with the same reason and
# other notes ("replica 0 failed", "replica 1 failed") are two events, as they
# are with the older recorder of core/v1.
# What is seen: the new recorder leaves the note out of what makes events
# alike. The second call makes no event: it turns the first one into a series
# of two, with the first one's note, so that what it says is nowhere. The
# older recorder sends both notes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<'MOD'
module seen

go 1.26.0

require (
	k8s.io/api v0.37.2
	k8s.io/apimachinery v0.37.2
	k8s.io/client-go v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/record"
)

// newer and older are sinks that print what an API server would get.
type newer struct{ said chan string }

func (s newer) Create(_ context.Context, e *eventsv1.Event) (*eventsv1.Event, error) {
	s.said <- "created: " + e.Note
	return e, nil
}

func (s newer) Update(_ context.Context, e *eventsv1.Event) (*eventsv1.Event, error) {
	s.said <- "updated: " + e.Note
	return e, nil
}

func (s newer) Patch(_ context.Context, e *eventsv1.Event, patch []byte) (*eventsv1.Event, error) {
	s.said <- fmt.Sprintf("patched to a series of %d: %s", e.Series.Count, e.Note)
	return e, nil
}

type older struct{ said chan string }

func (s older) Create(e *corev1.Event) (*corev1.Event, error) {
	s.said <- "created: " + e.Message
	return e, nil
}

func (s older) Update(e *corev1.Event) (*corev1.Event, error) {
	s.said <- "updated: " + e.Message
	return e, nil
}

func (s older) Patch(e *corev1.Event, patch []byte) (*corev1.Event, error) {
	s.said <- "patched: " + e.Message
	return e, nil
}

func main() {
	about := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "job", UID: "1"}}
	notes := []string{"replica 0 failed", "replica 1 failed"}
	said := make(chan string, 9)
	wait := func() string {
		select {
		case text := <-said:
			return text
		case <-time.After(10 * time.Second):
			return "nothing"
		}
	}

	b := events.NewBroadcaster(newer{said})
	if err := b.StartRecordingToSinkWithContext(context.Background()); err != nil {
		panic(err)
	}
	r := b.NewRecorder(scheme.Scheme, "seen")
	for _, note := range notes {
		r.Eventf(about, nil, corev1.EventTypeWarning, "Failed", "Run", "%s", note)
		fmt.Println("tools/events,", note+":", wait())
	}

	o := record.NewBroadcaster()
	o.StartRecordingToSink(older{said})
	old := o.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "seen"})
	for _, note := range notes {
		old.Event(about, corev1.EventTypeWarning, "Failed", note)
		fmt.Println("tools/record,", note+":", wait())
	}
}
GO
go mod tidy >/dev/null 2>"$work/errors" || { cat "$work/errors"; exit 1; }
seen=$(go run . 2>"$work/errors") || { cat "$work/errors"; exit 1; }
expected='tools/events, replica 0 failed: created: replica 0 failed
tools/events, replica 1 failed: patched to a series of 2: replica 0 failed
tools/record, replica 0 failed: created: replica 0 failed
tools/record, replica 1 failed: created: replica 1 failed'
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed; it was:"; echo "$expected"; exit 1; }
