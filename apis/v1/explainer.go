package v1

import (
	"maps"
	"slices"
)

// ExplainImages is the explainer type that needs its data as 32 bit floats.
const ExplainImages = "AnchorImages"

// explainers are the kinds of explainers by the name that MLServer's runtime
// gives them.
func explainers() map[string]string {
	return map[string]string{
		"AnchorTabular":       "anchor_tabular",
		ExplainImages:         "anchor_image",
		"AnchorText":          "anchor_text",
		"Counterfactuals":     "counterfactuals",
		"Contrastive":         "contrastive",
		"KernelShap":          "kernel_shap",
		"IntegratedGradients": "integrated_gradients",
		"ALE":                 "ALE",
		"TreeShap":            "tree_shap",
	}
}

// ExplainerTypes lists the values of an explainer's type.
func ExplainerTypes() []string { return slices.Sorted(maps.Keys(explainers())) }

// ExplainerTag is what MLServer's runtime calls an explainer type, or empty.
func ExplainerTag(explainerType string) string { return explainers()[explainerType] }
