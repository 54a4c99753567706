package program

import (
	"context"
	"log/slog"
	"reflect"
	"time"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/graph"
)

// versionsEvery is how often the pod's annotations are looked at for other shares and
// labels of versions.
const versionsEvery = 200 * time.Millisecond

// followVersions lets the predictor follow them until ctx ends. What cannot be read
// changes nothing, and is logged once.
func followVersions(ctx context.Context, c *config.Config, p *predictor.Predictor, log *slog.Logger) {
	if !p.HasVersions() {
		return
	}
	last, err := c.Versions()
	if err != nil {
		return // The configuration was refused for it.
	}
	go func() {
		told := ""
		tick := time.NewTicker(versionsEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now, err := c.Versions()
			if err == nil && reflect.DeepEqual(now, last) {
				continue
			}
			if err == nil {
				err = p.FollowVersions(now)
			}
			if err != nil {
				if told != err.Error() {
					log.Error("the shares and labels of versions stay as they were", "error", err.Error())
				}
				told = err.Error()
				continue
			}
			log.Info("shares and labels of versions have changed", "versions", versionsText(now))
			last, told = now, ""
		}
	}()
}

// versionsText is how a log says them.
func versionsText(all map[string]graph.LiveVersions) map[string]any {
	texts := map[string]any{}
	for node, v := range all {
		text := map[string]any{"traffic": v.Traffic}
		if v.Labels != nil {
			text["labels"] = *v.Labels
		}
		texts[node] = text
	}
	return texts
}
