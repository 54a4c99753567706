"use strict";
(() => {
  const name = document.body.dataset.document;

  // Numbers fill lines, instead of having one each.
  const width = 100;
  const layout = (value, indent) => {
    const inner = indent + "  ";
    if (Array.isArray(value) && value.length > 0) {
      const parts = value.map((item) => layout(item, inner));
      const flat = "[" + parts.join(", ") + "]";
      if (flat.length + indent.length <= width && !flat.includes("\n")) return flat;
      if (value.some((item) => item !== null && typeof item === "object")) {
        return "[\n" + inner + parts.join(",\n" + inner) + "\n" + indent + "]";
      }
      const lines = [""];
      for (const part of parts) {
        const last = lines.length - 1;
        if (lines[last] && lines[last].length + part.length + inner.length > width) lines.push(part);
        else lines[last] += (lines[last] && ", ") + part;
      }
      return "[\n" + inner + lines.join(",\n" + inner) + "\n" + indent + "]";
    }
    if (value !== null && typeof value === "object" && Object.keys(value).length > 0) {
      const parts = Object.entries(value).map(([key, item]) => JSON.stringify(key) + ": " + layout(item, inner));
      return "{\n" + inner + parts.join(",\n" + inner) + "\n" + indent + "}";
    }
    return JSON.stringify(value);
  };
  const compact = (text) => {
    try {
      return layout(JSON.parse(text), "");
    } catch {
      return text;
    }
  };

  // Colouring very long texts would stop the browser for seconds.
  const coloured = 20000;
  const plugin = (system) => {
    const sample = system.fn.getJsonSampleSchema;
    return {
      fn: {
        getJsonSampleSchema: (...args) => {
          const text = sample(...args);
          return typeof text === "string" ? compact(text) : text;
        },
      },
      wrapComponents: {
        SyntaxHighlighter: (Original, { React }) => (props) => {
          const text = Array.isArray(props.children) ? props.children.join("") : String(props.children ?? "");
          return text.length > coloured
            ? React.createElement("pre", { className: "plain-code" }, text)
            : React.createElement(Original, props);
        },
      },
    };
  };

  const ui = SwaggerUIBundle({
    url: new URL(name + ".json", location.href).href,
    dom_id: "#page",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [plugin],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 4,
    displayRequestDuration: true,
    validatorUrl: null,
    // What one came for is open.
    onComplete: () => {
      if (!location.hash) ui.layoutActions.show(["operations", "Predictions", "Predict"], true);
    },
  });
})();
