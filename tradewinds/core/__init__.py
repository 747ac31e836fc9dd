"""What every room of the root needs: errors, files, laws, resources, console, plug-ins. Imports none of them."""
