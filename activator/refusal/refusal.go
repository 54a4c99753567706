// Package refusal answers requests that no model answers, in the words of the
// protocol that their clients speak.
package refusal

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// IsGRPC reports whether a request is a call of gRPC.
func IsGRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// Body is the body of an answer over REST. Clients of the seldon protocol look for
// its status, those of others for its error, and it has both.
func Body(code int, message string) map[string]any {
	return map[string]any{
		"error":  message,
		"status": map[string]any{"code": code, "info": message, "reason": http.StatusText(code), "status": "FAILURE"},
	}
}

// Later says that nothing was done, and that the client may ask again after a
// while: 503 over REST, UNAVAILABLE over gRPC.
func Later(w http.ResponseWriter, r *http.Request, message string, after time.Duration) {
	seconds := max(1, int((after+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	if IsGRPC(r) {
		s, err := status.New(codes.Unavailable, message).WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(seconds) * time.Second)})
		if err != nil {
			s = status.New(codes.Unavailable, message)
		}
		GRPC(w, s)
		return
	}
	REST(w, http.StatusServiceUnavailable, message)
}

// Failed says that a server was asked and gave no answer.
func Failed(w http.ResponseWriter, r *http.Request, message string) {
	if IsGRPC(r) {
		GRPC(w, status.New(codes.Unavailable, message))
		return
	}
	REST(w, http.StatusBadGateway, message)
}

// REST answers over REST.
func REST(w http.ResponseWriter, code int, message string) {
	text, err := json.Marshal(Body(code, message))
	if err != nil { // A text and a number have a JSON form always.
		text = nil
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	_, _ = w.Write(text) // The client may have gone.
}

// GRPC answers a call by a status alone.
func GRPC(w http.ResponseWriter, s *status.Status) {
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(int(s.Code())))
	h.Set("Grpc-Message", percentEncode(s.Message()))
	if len(s.Proto().GetDetails()) > 0 {
		if details, err := proto.Marshal(s.Proto()); err == nil {
			h.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(details))
		}
	}
	w.WriteHeader(http.StatusOK)
}

// percentEncode spells a status message as gRPC over HTTP/2 wants it.
func percentEncode(message string) string {
	var b strings.Builder
	for i := range len(message) {
		if c := message[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
