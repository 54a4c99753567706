package controller

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// IsCurrent is what a restarted operator sees: it remembers nothing.
func (d Desired) IsCurrent(live metav1.Object) bool { return d.isCurrent(live, written{}) }
