package predictor

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// unwritten is what MLServer says over gRPC where it fails to write its answer: texts
// that NumPy holds as objects, such as the labels of CatBoost, do not get into contents,
// yet into raw contents. It answers in these who asks in these.
const unwritten = "expected bytes, str found"

// raw asks again in raw contents where the node's server cannot write its answer in
// others, and from then on at once. The client gets contents, as it sent.
func (l *lane) raw(c graph.Call, next link) link {
	if l.dialect().Form != translate.V2Proto || c == graph.CallSendFeedback {
		return next
	}
	var known atomic.Bool
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		if !known.Load() {
			answer, err := next(ctx, m)
			if s, ok := protocol.StatusOf(err); !ok || s.Code() != codes.Internal || s.Message() != unwritten {
				return answer, err
			}
			known.Store(true)
		}
		asked, ok := translate.ToRaw(m.Whole())
		if !ok {
			return next(ctx, m)
		}
		answer, err := next(ctx, asked)
		if err != nil {
			return answer, err
		}
		if told, ok := translate.FromRaw(answer.Whole()); ok {
			return told, nil
		}
		return answer, nil
	}
}
