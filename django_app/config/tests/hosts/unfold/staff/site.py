from unfold.sites import UnfoldAdminSite

site = UnfoldAdminSite(name="staff")
site.site_header = "Ticket shop staff"
