package admission

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/prime-radiant/radiant/scaling"
)

// Page answers who scales the predictor's pods.
type Page struct {
	Gate  *Gate
	Calls *Calls
	// Process names the process, Began is when it began by the clock Now.
	Process string
	Began   time.Time
	Now     func() time.Time
}

// ServeHTTP tells the [scaling.Report].
func (p *Page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	now := p.Now()
	told, err := json.Marshal(scaling.Report{
		Started: p.Process, Seconds: now.Sub(p.Began).Seconds(), Predictor: p.Gate.LoadAt(now), Nodes: p.Calls.Loads(now),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(told) // Who asked may have gone.
}
