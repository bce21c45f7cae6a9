// Shows this server's openapi.json; a key that is entered stays in this tab.
SwaggerUIBundle({
  url: document.getElementById("viewer").dataset.description,
  dom_id: "#viewer",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
