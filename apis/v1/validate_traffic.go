package v1

import (
	"fmt"
	"strconv"
	"strings"
)

// traffic checks how requests are divided among predictors.
func (v *validator) traffic() {
	const all = 100
	predictors := v.deployment.Spec.Predictors
	var shares []string
	shadows, sum := 0, 0
	for i := range predictors {
		p := &predictors[i]
		path := fmt.Sprintf("spec.predictors[%d].traffic", i)
		if p.Shadow {
			shadows++
			if p.Traffic < 0 || p.Traffic > all {
				v.errorf(path, "shadow traffic is illegal, the traffic number should be between [0, 100]: it is %d", p.Traffic)
			}
			continue
		}
		if p.Traffic < 0 {
			v.errorf(path, "traffic %d is negative; write a percentage, 0 to 100", p.Traffic)
		}
		shares = append(shares, strconv.Itoa(int(p.Traffic)))
		sum += int(p.Traffic)
	}
	switch {
	case shadows == 1 && len(predictors) == 1:
		v.errorf("spec.predictors[0].shadow", "Shadow can not exist as only predictor: add the predictor that answers")
	case shadows > 1:
		v.errorf("spec.predictors", "Multiple shadows are not allowed: there are %d; keep one", shadows)
	}
	switch {
	case len(shares) > 1 && sum != all:
		v.errorf("spec.predictors", "Traffic must sum to 100 for multiple predictors: %s = %d", strings.Join(shares, " + "), sum)
	case len(predictors) == 1 && len(shares) == 1 && sum > 0 && sum != all:
		v.errorf("spec.predictors[0].traffic", "Traffic must sum be 100 for a single predictor when set: it is %d; "+
			"write 100 or leave it out", sum)
	case len(shares) == 1 && sum > 0 && sum != all:
		v.warnf("spec.predictors", "the only predictor beside the shadow has traffic %d and gets all of it", sum)
	}
}
