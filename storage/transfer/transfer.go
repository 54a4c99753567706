// Package transfer moves the files of a store to a folder: in parallel, in
// ranges, with bounded memory, and again from where an earlier run was
// interrupted. It knows no store: a [Store] lists the objects and opens them.
package transfer

import (
	"context"
	"io"
	"time"
)

// Object is one file of a store.
type Object struct {
	// Key is what the store calls it.
	Key string
	// Name is its path below the destination, with slashes.
	Name string
	// Size in bytes; negative where only the end of the content tells.
	Size int64
	// Version changes whenever the content does, such as an ETag or a digest.
	// Without one nothing is taken over from an earlier run.
	Version string
	// Sums that the whole content must have.
	Sums []Sum
	// Whole is true where the store sends the content from its beginning only.
	Whole bool
	// Archive is the form of what is to be unpacked, such as ".tar.gz"; empty:
	// the object is a file of the model.
	Archive string
}

// Body is the content of an object or of a range of it.
type Body struct {
	io.ReadCloser
	// Version of what is sent, where the answer tells.
	Version string
	// Sums of the whole object that are not known before this answer.
	Sums []Sum
}

// Store is where objects are.
type Store interface {
	// List returns the objects of what was asked for, at least one.
	List(ctx context.Context) ([]Object, error)
	// Open reads length bytes from an offset; a negative length is up to the
	// end. Errors that another try would not change are [Permanent].
	Open(ctx context.Context, o *Object, offset, length int64) (*Body, error)
}

// Summer is a store that has to be asked for the sums of an object where
// neither the listing nor the answer to a read tells them.
type Summer interface {
	Sums(ctx context.Context, o *Object) ([]Sum, error)
}

// Options of a transfer. All fields are needed, except Report.
type Options struct {
	// Streams is how many requests run at once.
	Streams int
	// Stall bounds the silence of a store.
	Stall time.Duration
	// MaxBytes bounds all objects together.
	MaxBytes int64
	Policy   Policy
	// Report is called with the number of bytes that arrived. It is negative for
	// bytes that have to be fetched again. Calls do not overlap.
	Report func(bytes int64)

	// Tests cut smaller files.
	cuts cuts
}

// cuts say how files are cut. One of up to above bytes comes in one stream,
// which is checked as it arrives; a larger one in parts, several at once.
type cuts struct{ above, part int64 }

// File is an object that has arrived and is what the store says it is.
type File struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Version string `json:"version,omitempty"`
	// Digest that was compared, as algorithm:value; empty where the store
	// gives none.
	Digest string `json:"digest,omitempty"`
}
